#!/usr/bin/env bash
# e2e_page.sh - the page of a report, made of a folder as c4b6085 left it, with a class that was
# missed, an empty truth, a failed fold and hostile names; then opened in a browser, if there is
# one. Wants PLEAT, the program.
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"
hostile='<img src=x onerror=document.title="owned">&'

# --- a run of four folds: one with pictures, one failed, one of hostile names, one not begun ------
tiny_data data 3 1
counts() { # counts TP FP FN TN
    printf '{"tp":%s,"fp":%s,"fn":%s,"tn":%s}' "$@"
}
one() { # one ID PREDICTION REFERENCE: background, then the class by COUNTS...
    printf '{"id":"%s","prediction":"%s","reference":"%s","counts":[%s,%s]}' "$1" "$2" "$3" \
        "$(counts 900 0 0 100)" "$4"
}
fold() { # fold K CASES: its scores and history
    mkdir -p "$run/fold_$1"
    printf '{"schema":"pleat/scores/1","fold":%s,"classes":["background","%s"],"cases":[%s]}' \
        "$1" "${class//\"/\\\"}" "$2" > "$run/fold_$1/scores.json"
    printf 'epoch\tloss\tval_loss\tlr\n1\t2\t\t0.1\n2\t1\t1.5\t0.1\n' > "$run/fold_$1/history.tsv"
}
record() { # record FOLDS CASES
    cat > "$run/run.json" << END
{"schema": "pleat/run/1", "version": "0.1.0", "command": "pleat run </script><b>",
 "started": "then", "host": "vm", "ranks": 2, "seed": "1", "config_digest": "",
 "classes": "background,${class//\"/\\\"}", "folds": $1, "cases": $2, "engine": "ref",
 "precision": "f32", "weights": "last epoch", "job": {},
 "warnings": ["beware of </script><script>document.title='owned'</script>"]}
END
}
run=run class='sp<i>"t&'
mkdir -p run/fold_{0,1,2}/predictions
printf 'data: data # </script>\nclasses: '"'"'background,%s'"'"'\ntrain: {epochs: 2}\n' "$class" \
    > run/config.yaml
record 4 6
for id in case_001 case_002; do
    cp data/$id/segmentation.nii.gz run/fold_0/predictions/
    mv run/fold_0/predictions/{segmentation,$id}.nii.gz
done
fold 0 "$(one case_001 p data/case_001/segmentation.nii.gz "$(counts 90 10 0 900)"),$(
    one case_002 p r "$(counts 0 0 50 950)")"
fold 2 "$(one "${hostile//\"/\\\"}" p r "$(counts 0 0 0 1000)")"
printf '{"time": "t", "event": "failed", "fold": 1, "epoch": 1, "text": "%s"}\n' \
    'not finite </script><b>' > run/fold_1/events.jsonl
printf 'epoch\tloss\tval_loss\tlr\n1\t3\t\t0.1\n' > run/fold_1/history.tsv
cat > run/splits_final.json << END
[{"train": [], "val": ["case_001", "case_002"]}, {"train": [], "val": ["case_003", "case_004"]},
 {"train": [], "val": ["${hostile//\"/\\\"}"]}, {"train": [], "val": ["case_005"]}]
END
succeeds "report" 0 report run
page=run/report/report.html
for file in report.html table.md table.tex \
    cases/case_001/{{image,truth,prediction,errors,sheet}.png,slices.gif}; do
    holds "the report has $file" [ -s "run/report/$file" ]
done
for text in "missed in 1" "was missed: it is in the truth, not in the prediction of: case_002." \
    "is in neither truth nor prediction" "Fold 1 has no scores (failed; 1 of 2 epochs)" \
    "Its 2 cases are in none of the numbers below: case_003, case_004" \
    "Fold 3 has no scores (not begun; 0 of 2 epochs)" "2 of 4 folds have scores" \
    "3 cases are fewer than 50" "Boxes, with every case as a point"; do
    holds "the page says: $text" has $page "$text"
done
holds "markup of names is none on the page" lacks $page "<img src=x"
holds "each script ends where it should" \
    same_text "$(grep -c '<script' $page)" "$(grep -c '</script>' $page)"
holds "nothing comes from elsewhere" same_text "$(grep -oE '(src|href)="?https?:' $page)" ""
succeeds "report in one file" 0 report run --single-file --case case_001
cp $page one.html
holds "one file has the pictures" has one.html '<script type="text/plain" id="sprite-0-image">'
refused "a case that is not there" 2 "'case_9'; it has case_001, case_002" 0 report run \
    --case case_9
holds "is found before anything is printed" same_text "$(cat out)" ""
cp run/fold_0/scores.json scores_0
fold 0 "$(one case_001 p r "$(counts 0 50 50 900)"),$(one case_002 p r "$(counts 90 10 0 900)")"
succeeds "report of a case without overlap" 0 report run
for text in "no overlap in 1" "truth and prediction have no voxel in common in: case_001."; do
    holds "the page says: $text" has $page "$text"
done
cp $page apart.html
mv scores_0 run/fold_0/scores.json
for k in 0 2; do mv run/fold_$k/scores.json scores_$k; done
refused "no fold has scores" 3 "run/report/report.html" 0 report run
holds "its page says so" has $page "Not known: no fold has scores yet."
for k in 0 2; do mv scores_$k run/fold_$k/scores.json; done

# --- a thousand cases ----------------------------------------------------------------------------
run=many class=spot
mkdir many
record 2 1000
printf 'data: nowhere\nclasses: background,spot\ntrain: {epochs: 2}\n' > many/config.yaml
for k in 0 1; do
    fold $k "$(for i in $(seq 500); do
        one "case_$k$i" p r "$(counts "$i" 10 $((500 - i)) 490)"
    done | sed 's/}{/},{/g')"
done
succeeds "report of 1000" 0 report many --pictures 0

# --- in a browser --------------------------------------------------------------------------------
browser=$(command -v chromium chromium-browser google-chrome | head -n 1)
if [ -z "$browser" ]; then
    echo "no chromium here: the page was not opened"
    [ "$bad" -eq 0 ] && exit 77
    verdict
fi
# opened FILE OPTION...: the page after its scripts, to dom; what its console says, to console.
opened() {
    local file=$1
    shift
    timeout 60 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$box/profile" \
        --allow-file-access-from-files --enable-logging=stderr "$@" \
        --dump-dom "file://$box/$file" > dom 2> browser
    grep CONSOLE browser > console
    [ ! -s console ] || cat console
    [ ! -s console ] && grep -q 'data-ready=' dom
}
holds "a page with a case without overlap opens" opened apart.html
holds "cases without groups are called cases" grep -q 'bootstrap over [0-9]* cases, of medians' dom
holds "which a table counts" has dom '<span class="state">1 without overlap</span>'
holds "and the case has as its state" has dom '<span class="state ok">no overlap</span>'
succeeds "report again" 0 report run --single-file
{
    cat $page
    echo "<script>"
    cat "$SOURCE_DIR/tests/lib/page_driver.js"
    echo "</script>"
} > driven.html
for scheme in 0 1; do # dark, light
    if opened driven.html --virtual-time-budget=12000 \
        --blink-settings=preferredColorScheme=$scheme; then
        title=$(grep -o '<title>[^<]*' dom | head -n 1)
        holds "scheme $scheme: all was looked at" grep -q 'ok Escape closes' <<< "$title"
        holds "scheme $scheme: $title" lacks <(echo "$title") WRONG
    else
        wrong "scheme $scheme: the page did not open without a word"
    fi
done
fast=
for _ in 1 2 3; do # another program may be in the way
    opened many/report/report.html || wrong "the page of 1000 cases"
    took=$(sed -n 's/.*data-ready="\([0-9]*\)".*/\1/p' dom | head -n 1)
    [ "${took:-9999}" -lt 2000 ] && fast=1 && break
done
holds "1000 cases open in less than 2 s: $took ms" [ -n "$fast" ]
holds "all of them" same_text "$(grep -o 'data-case=' dom | wc -l)" 1000
verdict
