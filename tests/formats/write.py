"""Write a file of the present format here, for every later version to open; a format once only.

Run: PYTHONPATH=tests uv run python tests/formats/write.py
"""

import sys
from pathlib import Path

import numpy as np
from invented import invented_fit

import bayescale as bs
from bayescale.files import FORMAT, OF_FIT
from bayescale.sample import Sampling

HERE = Path(__file__).parent
SMALL = Sampling(draws=10, tune=10, chains=2, seed=7)


def main() -> int:
    """Write a fit and an ensemble, unless they are there."""
    one = invented_fit(bs.PowerLaw(), bs.StudentT(), settings=SMALL)
    two = invented_fit(bs.BrokenPowerLaw(breaks=1), bs.StudentT(), settings=SMALL)
    mixture = bs.Ensemble({"power": one, "broken": two}, np.array([0.25, 0.75]), "given")
    for name, record in ((f"fit_{OF_FIT}", one), (f"ensemble_{FORMAT}", mixture)):
        path = HERE / f"{name}.nc"
        if path.exists():
            print(f"{path.name} is there and stays as it is.")
        else:
            record.save(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
