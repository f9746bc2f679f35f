"""`python -m service`: import, score, serve and manage tokens."""

from service.cli import main

if __name__ == "__main__":
    main()
