"""Reading a repository, whose bytes nobody vouches for until they were checked."""
