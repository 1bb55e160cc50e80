#!/usr/bin/env bash
# e2e_install.sh - `cmake --install` into a folder: what lies there runs, with the GPU module of the
# build and without; manual pages and completions are right; uninstall takes away what came, and
# nothing else; the packages of cpack run where they are unpacked.
# shellcheck source=tests/lib/program.sh
. "$(dirname "$0")/../lib/program.sh"
export PLEAT_PLAN_CACHE=off
unset PLEAT_MODULE_PATH LD_LIBRARY_PATH PLEAT_SLURM
build=$(dirname "$pleat")
if [ ! -e "$build/CPackConfig.cmake" ]; then
    echo "a build with sanitizers is not for installing"
    exit 77
fi
module=$build/libpleat_cuda.so
step=(bench step --patch 4x4x4 --filters 1 --depth 1 --steps 1 --warmup 0 --batch 1 --engine auto)
manifest=$build/install_manifest.txt # of the last installation, which may be the user's own
[ ! -e "$manifest" ] || cp -p "$manifest" kept

mkdir -p usr/bin usr/share/doc
touch usr/bin/other usr/share/doc/other
find usr | sort > before
holds "it installs" cmake --install "$build" --prefix "$box/usr" > /dev/null
pleat=$box/usr/bin/pleat
succeeds "info" 0 info
holds "info has one line for cudnn" same_text "$(grep -c '^ *cudnn ' out)" 1
for name in phantom.yaml run.sbatch pleat.fish; do
    holds "there is one $name" same_text "$(find usr -name $name | wc -l)" 1
done
holds "box.sh can be run" [ -x usr/share/pleat/slurm/box.sh ]
while read -r link; do
    holds "README.md leads to $link" [ -e "usr/share/doc/pleat/$link" ]
done < <(grep -oE '\]\((docs|slurm|cuda)/[^)#]+' usr/share/doc/pleat/README.md | cut -c 3-)

if [ -e "$module" ]; then
    installed=$(find usr -name libpleat_cuda.so)
    holds "one module is there" same_text "$(wc -l <<< "$installed")" 1
    # What is missing is a GPU, or nothing: not the module, nor CUDA's libraries, which lie where
    # the build found them.
    grep '^ *cudnn ' out > line
    holds "the installed module loads" lacks line 'does not load'
    mv "$installed" module
    succeeds "info without the module" 0 info
    grep '^ *cudnn  *no' out > line
    holds "without it info says that" has line 'no GPU module'
fi
succeeds "auto without the module" 0 "${step[@]}" --json
holds "auto computes on the CPU" lacks out '"engine": "cudnn"'
if [ ! -e /dev/nvidiactl ] && [ ! -e /proc/driver/nvidia ] && [ ! -e /dev/dxg ]; then
    holds "where nothing speaks of a GPU, auto does not either" lacks err 'cudnn'
fi

# --- manual pages ---------------------------------------------------------------------------------
for name in man1/pleat.1 man5/pleat-config.5; do
    zcat "usr/share/man/$name" > page
    if command -v groff > /dev/null; then
        groff -man -Tascii -ww page > shown 2> said
        holds "$name: groff has nothing to say" same_text "$(cat said)" ""
        holds "$name: there is a page" [ "$(wc -l < shown)" -gt 100 ]
    fi
    if command -v mandoc > /dev/null; then
        holds "$name: mandoc has nothing to say" same_text "$(mandoc -Tlint -W warning page)" ""
    fi
done
"$pleat" --help | sed -n '/^ *run /,/^$/p' | awk 'NF { print $1 }' |
    sed 's/^bench$/bench step/' > verbs
gzip -dc usr/share/man/man1/pleat.1.gz > page
while read -r verb; do
    holds "pleat(1) has a section on $verb" grep -qE "^\.SS $verb( |\$)" page
    # shellcheck disable=SC2086 # bench step is two words
    for option in $("$pleat" $verb --help | grep -oE '^  --[a-z0-9-]+'); do
        holds "and $verb's $option" has page "\\fB${option//-/\\-}\\fR"
    done
done < verbs
gzip -dc usr/share/man/man5/pleat-config.5.gz > page
# shellcheck disable=SC2016 # these are Markdown's
"$pleat" config --markdown | sed -n 's/^| `\([a-z_.]*\)`.*/\1/p' > keys
holds "there are keys" [ "$(wc -l < keys)" -gt 50 ]
while read -r key; do
    holds "pleat-config(5) has $key" has page "\\fB$key\\fR"
done < keys

# --- completion -----------------------------------------------------------------------------------
touch case_1.nii.gz
in_bash() { # in_bash EXPECTED WORD...
    local expected=$1
    shift
    holds "bash completes: $*" same_text "$(bash "$SOURCE_DIR/tests/lib/complete.bash" \
        usr/share/bash-completion/completions/pleat "$@")" "$expected"
}
in_bash run pleat ru
in_bash "$({ cut -d ' ' -f 1 verbs; echo help; echo version; } | LC_ALL=C sort | xargs)" pleat ''
in_bash --live pleat run --liv
in_bash "always auto" pleat run --live a
in_bash always pleat run --live = al
in_bash train.loss= pleat run --set train.lo
in_bash soft_dice pleat run --set train.loss = so
in_bash "false true" pleat run --set seed=1 --set augment.on = ''
in_bash "allreduce augment" pleat bench a
in_bash --engine pleat bench step --eng
in_bash "" pleat run --fold ''
in_bash "h100 h200" pleat plan CONFIG --on h
in_bash "nnunet nnunet-l nnunet-m nnunet-xl" pleat suggest DATA --like nn
in_bash "3d_fullres 3d_lowres" pleat suggest DATA --configuration = 3
in_bash "heart hepaticvessel hippocampus" pleat fetch h
in_bash Task04_Hippocampus pleat fetch Task04
in_bash case_1.nii.gz pleat -v info case
in_bash usr pleat report us
in_bash "explore export" pleat help exp
if command -v fish > /dev/null; then
    in_fish() { # in_fish EXPECTED LINE
        holds "fish completes: $2" same_text "$(HOME=$box fish --no-config -c "
            source usr/share/fish/vendor_completions.d/pleat.fish
            complete -C '$2'" 2>&1 | cut -f 1 | LC_ALL=C sort | xargs)" "$1"
    }
    in_fish run "pleat ru"
    in_fish --live "pleat run --liv"
    in_fish "always auto never" "pleat run --live "
    in_fish train.loss=soft_dice "pleat run --set train.loss=sof"
    in_fish "allreduce augment" "pleat bench a"
    in_fish "h100 h200" "pleat plan CONFIG --on h"
    in_fish "nnunet-l" "pleat suggest DATA --like nnunet-l"
    in_fish hippocampus "pleat fetch hippo"
    in_fish --engine "pleat bench step --eng"
    in_fish case_1.nii.gz "pleat info case"
    in_fish "explore export" "pleat help exp"
fi
if command -v zsh > /dev/null; then
    holds "zsh reads it" zsh -n usr/share/zsh/site-functions/_pleat
    in_zsh() { # in_zsh EXPECTED LINE: what the line becomes, where there is one way
        holds "zsh completes: $2" same_text "$(HOME=$box timeout 60 zsh -f \
            "$SOURCE_DIR/tests/lib/complete.zsh" usr/share/zsh/site-functions "$2")" "$1"
    }
    in_zsh "pleat run " "pleat ru"
    in_zsh "pleat run --live=" "pleat run --liv"
    in_zsh "pleat run --set train.loss=soft_dice " "pleat run --set train.loss=sof"
    in_zsh "pleat run --set train.loss=" "pleat run --set train.los"
    in_zsh "pleat plan CONFIG --on l40s " "pleat plan CONFIG --on l"
    in_zsh "pleat suggest DATA --like nnunet-xl " "pleat suggest DATA --like nnunet-x"
    in_zsh "pleat fetch hippocampus " "pleat fetch hip"
    in_zsh "pleat bench step --engine=" "pleat bench step --eng"
    in_zsh "pleat help explore " "pleat help expl"
fi

# --- away again -----------------------------------------------------------------------------------
[ ! -e module ] || mv module "$installed"
holds "it uninstalls" cmake --build "$build" --target uninstall > said
find usr \( -type f -o -type l \) | sort > after
find usr -name 'pleat*' >> after
grep -F other before > others
holds "what was there before is left, and nothing else" same_text "$(cat after)" "$(cat others)"
cmake --build "$build" --target uninstall 2>&1 | tr -s '\n ' ' ' > said
holds "a second time there is nothing to uninstall" has said "nothing was installed"

# --- packages -------------------------------------------------------------------------------------
if command -v dpkg-deb > /dev/null && command -v dpkg-shlibdeps > /dev/null; then
    holds "cpack makes packages" \
        cpack --config "$build/CPackConfig.cmake" -G 'DEB;TGZ' -B "$box" > said 2>&1
    mkdir deb tar
    n=0
    holds "the Debian package unpacks" dpkg-deb -x pleat_*.deb deb
    holds "the tar file unpacks" tar -xf pleat-*.tar.gz -C tar --strip-components=1
    for pleat in "$box/deb/usr/bin/pleat" "$box/tar/bin/pleat"; do
        succeeds "the program of ${pleat#"$box"/} runs" 0 phantom data.$((++n)) --cases 1 --seed 1
    done
    dpkg-deb -f pleat_*.deb > control
    holds "it needs HDF5" grep -qE '^Depends: .*libhdf5' control
    holds "and mpirun" grep -qE '^Depends: .*openmpi-bin' control
    holds "no other architecture" has control "Architecture: $(dpkg --print-architecture)"
    if command -v lintian > /dev/null; then
        lintian --allow-root pleat_*.deb > said 2>&1
        holds "lintian has nothing to say" same_text "$(grep '^[EW]:' said)" ""
    fi
    if [ -e "$manifest" ]; then # cpack's
        cmake --build "$build" --target uninstall 2>&1 | tr -s '\n ' ' ' > said
        holds "after cpack one has to install again first" has said "install again"
    fi
fi
rm -f "$manifest"
[ ! -e kept ] || mv kept "$manifest"

verdict
