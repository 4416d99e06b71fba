"""`quire smoke`: what a deployment is for, done once, and checked."""
