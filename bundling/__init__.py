"""What Lambda is given: the layer and a folder for each function, built without Docker."""
