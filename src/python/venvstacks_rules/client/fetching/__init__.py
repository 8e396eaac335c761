"""What a new generation needs: what is here already, and the rest from a repository."""
