"""A region of our own: OCI's APIs for just what the stack, the images and their clients use."""
