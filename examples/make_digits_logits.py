"""Train a multinomial classifier on scikit-learn's digits and save its logits for the held-out part.

Run it with scikit-learn installed; it writes the two files that ``softmax-xp demo`` reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 0
DATA = Path(__file__).resolve().parents[1] / "src" / "softmax_xp" / "data"


def main() -> None:
    """Write digits_logits.npy (float32) and digits_labels.npy (int8)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DATA, help="folder for the two files")
    out = parser.parse_args().out
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.4, random_state=SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(train_x, train_y)
    np.save(out / "digits_logits.npy", model.decision_function(test_x).astype(np.float32))
    np.save(out / "digits_labels.npy", test_y.astype(np.int8))
    print(f"{len(test_y)} held-out digits, accuracy {model.score(test_x, test_y):.4f}, written to {out}")


if __name__ == "__main__":
    main()
