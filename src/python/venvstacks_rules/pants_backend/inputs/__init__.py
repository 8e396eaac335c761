"""What layers are made from: wheels and interpreters, fetched as their lockfiles pin them."""
