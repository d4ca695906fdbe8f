"""The actions on EC2: instances, images and tags."""
