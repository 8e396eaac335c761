"""Layer archives: headers, readers and writers of tar and zip, and how segments are joined."""
