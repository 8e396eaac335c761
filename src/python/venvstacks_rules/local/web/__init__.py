"""What all of our clients of web servers do alike."""
