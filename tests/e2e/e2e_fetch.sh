#!/usr/bin/env bash
# e2e_fetch.sh - pleat fetch against a server on this machine that cuts, stalls, lies and asks to
# wait, and archives that nobody should unpack. Wants PLEAT, the program.
lib=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../lib
# shellcheck source=tests/lib/program.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib/program.sh"

command -v python3 > /dev/null || { echo "python3 is not installed" && exit 77; }
job 0 fetch http://127.0.0.1:9/x.zip --to no --tries 1
if has err "this build cannot fetch"; then
    holds "it names the packages" has err "apt-get install lib"
    verdict
fi
limit=60
unset http_proxy https_proxy all_proxy no_proxy HTTPS_PROXY ALL_PROXY NO_PROXY SSL_CERT_FILE
unset SSL_CERT_DIR CURL_CA_BUNDLE

tiny_data made 3 1
python3 "$lib/archives.py" made files || wrong "archives.py"
python3 "$lib/serve.py" files port requests &
servers=($!)
waits 60 [ -e port ] || wrong "the server does not start"
at=http://127.0.0.1:$(cat port)
sha() { sha256sum "files/$1" | cut -d ' ' -f 1; }
quick=(--wait 0.05 --tries 3 --stall 1)
asked() { grep -c "^$1 " requests; } # asked PATH: how many requests there were

# ends WHAT CODE TEXT ARGUMENT...: as refused, of one process, so none is looked for afterwards.
ends() {
    local what=$1 expected=$2 text=$3
    shift 3
    job 0 "$@"
    [ "$code" -eq "$expected" ] || wrong "$what: exit code $code, not $expected"
    holds "$what: one message that says '$text'" \
        same_text "$(grep '^pleat: ' err | grep -cF -- "$text")" 1
}

# manifest NAME HOW FILE...: one that fetches images.zip as images, and what else as labels.
manifest() {
    local name=$1 how=$2 file layout=images
    shift 2
    echo "files:" > "$name"
    for file; do
        printf -- '- {url: "%s/%s/%s?download=1", sha256: %s, layout: %s}\n' "$at" "$how" "$file" \
            "$(sha "$file")" "$layout" >> "$name"
        layout=labels
    done
}

# --- as the original does, and what it lacked ----------------------------------------------------
manifest set.yaml ok images.zip masks.zip
succeeds "a set of two archives" 0 fetch set.yaml --to data "${quick[@]}"
holds "it says how many cases" has out "2 of 2 files fetched, 0 there already; 3 cases in data"
for case in made/*/; do
    case=$(basename "$case")
    for file in imaging segmentation; do
        holds "$case/$file is the one that was packed" cmp {made,data}/"$case/$file.nii.gz"
    done
done
holds "droppings and papers are left out" \
    same_text "$(find data -type f ! -path 'data/.pleat-fetch/*' | wc -l)" 6
holds "the archives are gone" [ ! -e data/.pleat-fetch/images.zip ]
succeeds "pleat checks it" 0 check data --headers --set preprocess.clip=none
requests_before=$(wc -l < requests)
succeeds "again" 0 fetch set.yaml --to data "${quick[@]}"
holds "all is there" has out "0 of 2 files fetched, 2 there already; 3 cases"
holds "nothing was asked for" same_text "$(wc -l < requests)" "$requests_before"
first=$(basename "$(find made -mindepth 1 -maxdepth 1 | sort | head -n 1)")
rm "data/$first/segmentation.nii.gz"
echo mine > "data/$first/imaging.nii.gz"
job 0 fetch set.yaml --to data "${quick[@]}"
holds "what is missing is fetched again" cmp {made,data}/"$first/segmentation.nii.gz"
holds "what is there is kept" same_text "$(cat "data/$first/imaging.nii.gz")" mine
holds "and is told of" has err "it is kept"
holds "only the archive of it was asked for" same_text "$(wc -l < requests)" \
    $((requests_before + 1))

manifest fewer.yaml ok images.zip fewer.zip
ends "a mask is missing" 3 "case '$first' has no label" fetch fewer.yaml --to fewer
manifest swapped.yaml ok images.zip swapped.zip
ends "masks of other cases" 3 "not of one patient" fetch swapped.yaml --to swapped
sed 's/masks.zip/fewer.zip/' set.yaml > other.yaml
ends "another checksum" 3 "is expected" fetch other.yaml --to other "${quick[@]}"
holds "nothing of it was unpacked" [ ! -e "other/$first/segmentation.nii.gz" ]
sed "s/$(sha images.zip)/$(sha masks.zip)/" set.yaml > newer.yaml
ends "a set of other checksums in its folder" 3 "into another folder" fetch newer.yaml --to data

# As MSD's: a tar with a top folder; a tar.gz and a zip without; names of other alphabets.
for file in Task99_Small.tar gnu.tar.gz unicode.zip; do
    succeeds "$file" 0 fetch "$at/ok/$file" --sha256 "$(sha $file)" --to "${file%%.*}" "${quick[@]}"
    holds "$file: a case" has out "1 case in"
done
holds "the top folder is left out" [ -e "Task99_Small/imagesTr/é 1.nii.gz" ]
holds "no droppings" same_text "$(find Task99_Small/imagesTr -type f | wc -l)" 1
succeeds "an address without a checksum" 0 fetch "$at/ok/gnu.tar.gz" --to unchecked "${quick[@]}"
holds "its SHA-256 is told" has err "$(sha gnu.tar.gz)"
cp "made/$first/imaging.nii.gz" "files/a volume.nii.gz"
succeeds "a file that is no archive" 0 fetch "$at/ok/a%20volume.nii.gz" --to one "${quick[@]}"
holds "it is there by its name" cmp "one/a volume.nii.gz" "files/a volume.nii.gz"
printf '{"files": [{"url": "%s/ok/gnu.tar.gz", "md5": "%032d"}]}' "$at" 0 > md5.json
ends "a checksum of MD5" 3 "$(md5sum files/gnu.tar.gz | cut -d " " -f 1), and 0000" \
    fetch md5.json --to md5

# --- networks ------------------------------------------------------------------------------------
# comes HOW WHAT [OPTION...]: images.zip comes whole.
comes() {
    local how=$1 what=$2
    shift 2
    succeeds "$what" 0 fetch "$at/$how/images.zip" --sha256 "$(sha images.zip)" --to "net-$how" \
        "${quick[@]}" "$@"
    holds "$what: the files" cmp "net-$how/$first.nii.gz" "made/$first/imaging.nii.gz"
}
comes cut "connections that are cut"
holds "the rest was asked for, of the same file" grep -qE '^/cut/.* 206 bytes=[1-9][0-9]*- "one"' \
    requests
holds "it took three connections" same_text "$(asked /cut/images.zip)" 3
comes stall "a connection that falls silent"
comes unmarked "a server that does not mark its files"
comes norange "a server that knows no ranges"
holds "it was told" has err "sent from its beginning"
comes otherrange "a server that sends another part"
comes changed "a file that changes between its parts"
comes mixed "a file that changes unsaid, from its beginning again"
comes weak "a server of weak marks"
comes 429 "too many requests"
holds "it waited as long as it was asked to" has err "again in 1 s"
comes 503 "a server that is busy"
comes longer "a server that says that there is more"
comes redirect "a redirection"

# fails HOW TEXT [OPTION...]: images.zip does not come; nothing was unpacked.
fails() {
    local how=$1 text=$2
    shift 2
    ends "/$how/" 3 "$text" fetch "$at/$how/images.zip" --sha256 "$(sha images.zip)" \
        --to "net-$how" "${quick[@]}" "$@"
    holds "/$how/: nothing was unpacked" [ ! -e "net-$how/$first.nii.gz" ]
}
fails wrong "is expected"
holds "it is not kept" [ ! -e net-wrong/.pleat-fetch/images.zip.part ]
fails shorter "is expected"
fails never "answers 503, 3 times"
holds "what came is kept" same_text "$(stat -c %s net-never/.pleat-fetch/images.zip.part)" \
    $(($(stat -c %s files/images.zip) / 3))
fails 500 "the server answers 500, 3 times"
holds "three were made" same_text "$(asked /500/images.zip)" 3
fails 403 "needs a login"
fails 404 "look up the address"
holds "and one of what another would not mend" same_text "$(asked /404/images.zip)" 1
fails busy "longer than ten minutes"
fails loop "edirect"
fails tofile "rotocol"
fails page "is expected"
fails ok "more than the 0 MB that are taken" --most 1K
ends "a page in the place of an archive" 3 "is no zip, tar or tar.gz" fetch "$at/page/images.zip" \
    --to page "${quick[@]}"
ends "nobody listens" 3 "127.0.0.1" fetch http://127.0.0.1:9/x.zip --to none "${quick[@]}"

# Ctrl-C, and kill: what came is kept, the rest alone is asked for. A terminal sees progress.
for signal in INT KILL; do
    to=left-$signal part=left-$signal/.pleat-fetch/images.zip.part
    address=$at/slow/images.zip?$signal
    line="'$pleat' fetch '$address' --to $to ${quick[*]}"
    TERM=xterm script -qefc "$line" tty < /dev/null > /dev/null 2>&1 &
    waits 60 [ -s "$part" ] || wrong "$signal: nothing comes"
    sleep 0.5
    ends "$signal: two at once" 2 "in use" fetch "$address" --to "$to"
    kill -"$signal" "$(ranks)"
    wait $!
    code=$?
    if [ "$signal" = INT ]; then
        holds "SIGINT: exit code" same_text "$code" 130
        holds "SIGINT: it says how to go on" has tty "the same command resumes"
        holds "progress, with the time left" grep -qE \
            'fetch, kB \[#* *\] [0-9]+/[0-9]+ .* s left' tty
    fi
    kept=$(stat -c %s "$part")
    succeeds "$signal: resumed" 0 fetch "$address" --to "$to" "${quick[@]}"
    holds "$signal: after the $kept bytes that were there" has requests \
        "/slow/images.zip?$signal 206 bytes=$kept-"
    holds "$signal: whole" cmp "$to/$first.nii.gz" "made/$first/imaging.nii.gz"
done

# A proxy, and certificates, of the user's variables.
http_proxy=$at succeeds "through a proxy" 0 fetch http://data.invalid/ok/gnu.tar.gz --to proxied \
    "${quick[@]}"
if openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout key \
    -out certificate -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2> /dev/null; then
    cat key certificate > both
    python3 "$lib/serve.py" files port2 requests2 both &
    servers+=($!)
    waits 60 [ -e port2 ] || wrong "the server does not start"
    secure=https://127.0.0.1:$(cat port2)
    ends "an unknown authority" 3 "SSL_CERT_FILE" fetch "$secure/ok/gnu.tar.gz" --to tls \
        "${quick[@]}"
    SSL_CERT_FILE=certificate succeeds "an authority of the user's" 0 \
        fetch "$secure/ok/gnu.tar.gz" --to tls "${quick[@]}"
    SSL_CERT_FILE=certificate ends "from HTTPS to HTTP" 3 "rotocol" fetch \
        "$secure/plain/gnu.tar.gz" --to downgrade "${quick[@]}"
fi

# --- archives ------------------------------------------------------------------------------------
# unsafe FILE TEXT [OPTION...]: refused, and nothing of it was written anywhere.
unsafe() {
    local file=$1 text=$2
    shift 2
    ends "$file" 3 "$text" fetch "$at/ok/$file" --to "unsafe-$file" "${quick[@]}" "$@"
    holds "$file: nothing was written" same_text \
        "$(find "unsafe-$file" -mindepth 1 -maxdepth 1 ! -name .pleat-fetch)" ""
}
unsafe slip.zip "leads out of the folder"
unsafe slip.tar "leads out of the folder"
unsafe absolute.zip "absolute"
unsafe link.tar "is a link"
unsafe link.zip "is a link"
unsafe hardlink.tar "is a link"
unsafe device.tar "is a device"
unsafe twice.tar "twice"
unsafe control.tar "control characters"
unsafe bomb.tar.gz "would unpack to more than 10 MB" --most 10M
unsafe bomb.zip "would unpack to more than 10 MB" --most 10M
unsafe huge.tar "would unpack to more than"
unsafe double.tar.gz "compressed twice"
unsafe lying.zip "is damaged"
unsafe crc.zip "is damaged"
unsafe cut.tar "is damaged"
for file in {.,..,/tmp}/slipped.txt /tmp/pleat-slipped.txt; do
    holds "nothing is where the archives led to, $file" [ ! -e "$file" ]
done
mkdir linked elsewhere
ln -s ../elsewhere linked/imagesTr
ends "a link that is in the folder" 3 "is a link" fetch "$at/ok/gnu.tar.gz" --to linked
holds "nothing went through it" same_text "$(ls elsewhere)" ""

# --- names, and mistakes -------------------------------------------------------------------------
succeeds "the list" 0 fetch --list
holds "has the paper's" has out covid19
holds "and MSD's" has out Task10_Colon
cp files/images.zip files/COVID-19-CT-Seg_20cases.zip
cp files/images.zip files/Task09_Spleen.tar
ends "covid19 is checked" 3 a5060480eff9315b069b086312dac4872777901fb80d268a5a83edd9f4e7b440 \
    fetch covid19 --mirror "$at/ok" --to covid "${quick[@]}"
ends "a task of MSD is checked" 3 410d4a301da4e5b2f6f86ec3ddba524e fetch spleen \
    --mirror "$at/ok/" --to spleen "${quick[@]}"
ends "a name that is not known" 2 "did you mean 'covid19'?" fetch covid18 --to x
ends "an address of another kind" 2 "https://" fetch ftp://host/a.zip --to x
ends "a password in an address" 2 "password" fetch http://me:secret@host/a.zip --to x
holds "it is not repeated" lacks err secret
ends "an ending that is not unpacked" 2 "zip, tar and tar.gz are" fetch "$at/ok/a.7z" --to x
ends "a checksum that is none" 2 "64 hexadecimal" fetch "$at/ok/a.zip" --to x --sha256 12
ends "no folder" 2 "fetch needs --to DIR" fetch covid19
ends "a size that is none" 2 "--most" fetch covid19 --to x --most lots
holds "nothing was made" [ ! -e x ]
kill "${servers[@]}"
wait "${servers[@]}" 2> /dev/null
verdict
