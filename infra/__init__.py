"""What CDK deploys; the infrastructure of each stage."""
