"""`python -m atelier_client`, the same as `atelier`."""

from atelier_client.cli import main

if __name__ == "__main__":
    main()
