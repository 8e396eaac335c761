"""The commands: install, update, rollback, verify, repair, gc, list, run, uninstall."""
