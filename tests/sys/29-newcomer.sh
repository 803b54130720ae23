#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# on: native
# A trace of a form that nothing here was made for, replayed by the command that the documentation
# gives for it: local datetimes, fractional seconds, 82,247 rows; each sum to the microsecond.
. tests/sys/lib.sh
cd "$W" || exit
D=$OLDPWD

python3 - >sums <<'END'
import datetime, random
from fractions import Fraction
rng, t, sums = random.Random(5), datetime.datetime(2024, 3, 1), {}
with open("trace.csv", "w") as out:
    out.write("timestamp,duration,num_gpus,gpu_time,cluster\n")
    for _ in range(82247):
        t += datetime.timedelta(seconds=rng.expovariate(1 / 70))
        length = "%.*f" % (rng.choice((0, 1, 3, 6, 7)), 1 + rng.expovariate(1 / 1800))
        gpus, cluster = rng.choice((1, 1, 2, 4, 8)), rng.choice(("north", "south", "east"))
        out.write("%s,%s,%d,%.3f,%s\n" % (t.replace(microsecond=0), length, gpus, float(length) * gpus, cluster))
        # to the microsecond, half to even
        sums[cluster] = sums.get(cluster, 0) + round(Fraction(length) * 1000000) * gpus
for cluster in ("north", "south", "east"):
    print(sums[cluster])
END
cat >map.yaml <<'END'
rules:
  - match: { group: north }
    purpose: alignment
  - match: { group: south }
    purpose: capabilities
  - match: {}
    purpose: serving
END

# the command, as it stands there
line=$(awk '/timestamp,duration,num_gpus,gpu_time,cluster/ { found = 1 } found && /^```/ { if (inside) exit; inside = 1; next }
	inside' "$D/docs/replay.md")
t "the documentation has a command for it" grep -q "earmark replay" <<<"$line"
PATH=$B:$PATH bash -c "${line//DIR/$LEDGER}" >said 2>&1
is "it ends well" $? 0
t "all rows are in" grep -q "^82247 rows" said
is "each sum is exact, to the microsecond" \
	"$("$B/earmark" --ledger "$LEDGER" --json report |
		jq -r '.purposes | .alignment.gpu_time_us, .capabilities.gpu_time_us, .serving.gpu_time_us')" "$(cat sums)"

# as in another place, and with rows that nobody can use
(cat trace.csv && printf '2024-13-01 00:00:00,5,1,5,north\n2024-03-01 00:00:00,-5,1,5,north\n2024-03-01 00:00:00,5,x,5,north\n') >broken.csv
PATH=$B:$PATH bash -c "earmark replay --zone Asia/Shanghai --map map.yaml --ledger two --columns start=timestamp,duration=duration,gpus=num_gpus,group=cluster broken.csv" >said 2>&1
is "rows that cannot be used: status 1" $? 1
is "… each with its line" "$(grep -oE 'broken.csv:[0-9]+' said | sort -u | tr '\n' ' ')" "broken.csv:82249 broken.csv:82250 broken.csv:82251 "
is "… and the sums are of the others" "$("$B/earmark" --ledger two --json report |
	jq -r '.purposes | .alignment.gpu_time_us, .capabilities.gpu_time_us, .serving.gpu_time_us')" "$(cat sums)"
is "local time is the zone's" "$("$B/earmark" --ledger two --json report | jq -r .window.start)" \
	"$(date -u -d "TZ=\"Asia/Shanghai\" $(sed -n '2s/,.*//p' trace.csv)" +%Y-%m-%dT%H:%M:%S.000000Z)"
cd "$D" || exit
