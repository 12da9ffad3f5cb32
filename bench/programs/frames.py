"""A flow whose module imports pandas, as many do."""

import importlib
import os

import pandas

product = importlib.import_module(os.environ["BENCH_PACKAGE"])


@product.flow(name="frames")
def frames():
    return int(pandas.DataFrame({"x": [1, 2, 3]}).x.sum())
