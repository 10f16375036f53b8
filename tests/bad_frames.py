"""Tables that somebody might pass, as hypothesis strategies: most of them wrong in some way."""

import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
from hypothesis import strategies as st

#: Single values that a table should not hold, or that are hard.
ODD_VALUES = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, 1e300, 1e308, -1e308, 1e-300, 5e-324,
    10**400, "text", "", "1e6", "1,5", " 3 ", "nan", "inf", "=1+1", "\x1b[31mred", "💥", "a\0b",
    None, pd.NA, pd.NaT, True, False, 1 + 2j, Decimal("2.5"), Decimal("NaN"), Fraction(1, 3),
    b"1", [1.0], {}, (1, 2), object, pd.Timestamp("2024-01-01"), pd.Timedelta("1h"),
    pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), datetime.date(2024, 1, 1), pd.Interval(0, 1),
    np.float32(1.5), np.float16(2), np.datetime64("2024-01-01"), np.str_("2"), np.ma.masked,
]  # fmt: skip
#: Kinds of columns that values may be cast to.
KINDS = [
    "object", "category", "str", "string", "Int64", "Float64", "boolean", "bool", "complex128",
    "float16", "float32", "int8", "timedelta64[ns]", "datetime64[ns]", "datetime64[ns, UTC]",
    "Sparse[float64]", "double[pyarrow]", "string[pyarrow]",
]  # fmt: skip
SIZES = [0, 1, 2, 3, 5, 8, 12, 20]


@st.composite
def columns(draw, rows, good):
    """A column: as it should be, or with odd values, of an odd kind, constant, or huge."""
    what = draw(
        st.sampled_from(["good"] * 6 + ["odd", "odd", "kind", "constant", "scaled", "odd one"])
    )
    values = good
    if what == "scaled":
        with np.errstate(over="ignore"):
            values = values * draw(st.sampled_from([1e300, 1e-300, 1e-12, 1e150, -1.0, 5e-324]))
    elif what == "constant":
        values = np.full(rows, draw(st.sampled_from([0.0, 1.0, -2.0, 1e300, np.nan])))
    elif what == "odd":
        many = draw(st.lists(st.sampled_from(ODD_VALUES), min_size=rows, max_size=rows))
        values = _object(many)
    elif what == "odd one" and rows:
        values = _object(values.tolist())
        values[draw(st.integers(0, rows - 1))] = draw(st.sampled_from(ODD_VALUES))
    elif what == "kind":
        kind = draw(st.sampled_from(KINDS))
        try:
            return pd.Series(values).astype(kind)
        except Exception:  # pandas itself cannot make such a column
            return pd.Series(_object(values.tolist()))
    return pd.Series(values)


def _object(values):
    made = np.empty(len(values), object)
    made[:] = [0.0] * len(values)
    for i, value in enumerate(values):
        made[i] = value
    return made


@st.composite
def frames(draw):
    """A table with the columns x, z, y, n, s, g, in any order, of rows in any order."""
    rows = draw(st.sampled_from(SIZES))
    rng = np.random.default_rng(draw(st.integers(0, 3)))
    x = np.geomspace(1e6, 1e9, rows) if rows else np.empty(0)
    good = {
        "x": x,
        "z": rng.permutation(x) if rows else x,
        "y": 2 + 3 * (x / 1e6) ** -0.3 * np.exp(0.01 * rng.standard_normal(rows)),
        "n": rng.integers(1, 50, rows).astype(float),
        "s": rng.uniform(0.01, 0.05, rows),
        "g": np.arange(rows) % 3.0,
    }
    if draw(st.booleans()):
        good["y"] = good["y"] / 6  # shares, for counts and ceilings
    worse = set(draw(st.lists(st.sampled_from(list(good)), max_size=2, unique=True)))
    table = pd.DataFrame(
        {name: draw(columns(rows, v)) if name in worse else v for name, v in good.items()}
    )
    change = draw(st.sampled_from(["none"] * 5 + ["copies", "order", "drop", "twice", "index"]))
    if change == "copies" and rows:
        table = pd.concat([table, table.iloc[:2]])
    elif change == "order":
        table = table.sample(frac=1.0, random_state=0)
    elif change == "drop":
        table = table.drop(columns=draw(st.sampled_from(list(good))))
    elif change == "twice":
        table = pd.concat([table, table[["x"]]], axis=1)
    elif change == "index" and rows:
        made = [["r"] * rows, pd.date_range("2024", periods=rows), [(1, i) for i in range(rows)]]
        table.index = pd.Index(made[draw(st.integers(0, 2))])
    return table


@st.composite
def tables(draw):
    """A frame, or the same as something else that goes for a table."""
    table = draw(frames())
    kind = draw(st.sampled_from(["pandas"] * 6 + ["dict", "records", "polars", "arrow"]))
    if kind in ("polars", "arrow") and any(dtype.kind == "O" for dtype in table.dtypes):
        return table  # pyarrow crashes on some objects
    try:
        if kind == "dict":
            return {
                str(name): table[name].tolist()
                for name in table
                if (table.columns == name).sum() == 1
            }
        if kind == "records":
            return table.loc[:, ~table.columns.duplicated()].to_dict("records")
        if kind == "polars":
            import polars

            return polars.from_pandas(table)
        if kind == "arrow":
            import pyarrow

            return pyarrow.table(table)
    except Exception:  # the other kind cannot hold such columns
        return table
    return table


#: What may be passed where numbers are expected, as in ``x=``.
def numbers():
    """Single numbers, lists, arrays, and what is none of these."""
    single = st.sampled_from(ODD_VALUES) | st.floats() | st.sampled_from([1e7, 1e12, 3, "x"])
    return single | st.lists(single, max_size=3) | st.sampled_from([np.eye(2), np.array([]), {1e9}])
