"""Forecasts series with StatsForecast, one thread: JSON in on stdin, JSON out on stdout.

In: {"horizon": h, "series": [[...], ...]}; out: by model {"points": [[...], ...], "cpu_seconds": s}.
"""

import json
import sys
from time import process_time

import numpy as np
from statsforecast.models import MSTL, AutoCES, AutoETS, SeasonalNaive


def models():
    return {
        "SeasonalNaive": SeasonalNaive(24),
        "AutoCES": AutoCES(season_length=24),
        "MSTL+AutoETS": MSTL(season_length=[24, 168], trend_forecaster=AutoETS(model="ZZN")),
    }


def main():
    request = json.load(sys.stdin)
    series = [np.array(values, dtype=float) for values in request["series"]]
    answer = {}
    for name, model in models().items():
        started = process_time()
        points = [model.forecast(y=values, h=request["horizon"])["mean"].tolist() for values in series]
        answer[name] = {"points": points, "cpu_seconds": process_time() - started}
    json.dump(answer, sys.stdout)


main()
