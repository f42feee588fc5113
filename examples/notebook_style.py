"""For people who live in notebooks: frames in, a fitted model and a table of gains out."""

import hansa as hs

book = hs.loan_book(20_000, seed=1)  # any pandas, polars or pyarrow frame will do
region = book.column("region").strings()
banks = [
    hs.Party(f"bank-{name}", book.take(region == name), target="default", id="id")
    for name in sorted(set(region.tolist()))
]
prepare = hs.Prepare(numeric="bins", drop=("region", "issued"))
fitted = hs.LogisticClassifier(prepare=prepare).fit(banks)
print(fitted.summary())
chance = fitted.predict_proba(hs.loan_book(5, seed=2))[:, 1]
beside = fitted.result.metrics["differences"]["federated_minus_central"]
assert beside["high"] > 0  # no worse than the same model on all rows in one place
assert ((chance > 0) & (chance < 1)).all()
