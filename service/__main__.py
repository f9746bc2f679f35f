"""`python -m service`: import, score, serve and manage tokens."""

import sys

# LightGBM loads scikit-learn and pandas wherever they are installed, for wrappers that scoring never touches. Without them the
# service starts in half the time and in 95 MB instead of 230. Reading files needs pandas to be findable: pyarrow asks for it.
for _unneeded in ("sklearn", "pandas") if sys.argv[1:2] == ["serve"] else ("sklearn",):
    sys.modules.setdefault(_unneeded, None)  # type: ignore[arg-type]  # None makes `import` say that it is not there

from service.cli import main  # noqa: E402 (after the lines above, which is their point)

if __name__ == "__main__":
    main()
