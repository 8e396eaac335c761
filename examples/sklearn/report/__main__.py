"""``python -m report``."""

from report.summary import main

if __name__ == "__main__":
    main()
