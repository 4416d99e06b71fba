"""One folder a Lambda function; none imports another."""
