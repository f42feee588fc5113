"""Do remedies for declined applicants help? A market whose lenders' policies and declined outcomes are known."""

from hansa.apps.reject_inference import METHODS, Judged, judge, market

lenders = market(rows=4000, approve=(0.8, 0.65, 0.5), seed=0)
found = judge(lenders)
print(Judged.table(found))

alone, best = found["accepted only"], max(found[method].auc for method in METHODS[1:-1])
assert abs(best - alone.auc) < 0.02  # little gain: the accepted know no more after it than before
assert found["all outcomes known"].auc >= alone.auc - 0.005  # nothing stands in for outcomes
