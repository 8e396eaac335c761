"""Trains a small classifier on data that scikit-learn carries, and prints its accuracy."""

from __future__ import annotations

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


def main() -> None:
    """Train, test, print."""
    features, labels = load_iris(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(features, labels, random_state=0)
    model = LogisticRegression(max_iter=1000).fit(train_x, train_y)
    print(f"accuracy {model.score(test_x, test_y):.3f} on {len(test_y)} flowers")


if __name__ == "__main__":
    main()
