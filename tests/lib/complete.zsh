#!/usr/bin/env zsh
# complete.zsh - complete.zsh FOLDER LINE: what zsh makes of LINE and a tab, in a shell of its own.
zmodload zsh/zpty
zpty shell zsh -f -i
# Its line is printed by a widget, between marks, after the completion.
zpty -w shell "PS1= fpath=(${(q)1:a} \$fpath); unsetopt zle_bracketed_paste; autoload -U compinit"
zpty -w shell 'compinit -u -D; zstyle ":completion:*" insert-unambiguous true; setopt no_beep'
zpty -w shell 'shown() { print -r -- "<<$LBUFFER>>"; BUFFER= }; zle -N shown; bindkey "^X" shown'
zpty -w shell 'print "rea""dy"'
zpty -r -m shell out '*ready*'
zpty -w -n shell "$2"$'\t\x18'
zpty -r -m shell out '*<<*>>*'
print -r -- "${${out##*<<}%%>>*}"
zpty -d shell
