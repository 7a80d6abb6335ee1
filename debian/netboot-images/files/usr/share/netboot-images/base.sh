# shellcheck shell=sh
# What all parts of netboot-images stand on: messages, the lock, files that are written as a whole, and the record of what is ours.
#
# State, below /var/lib/netboot-images. Everything but `owned` says what is wanted, each fact in a file of its own that is replaced by
# rename; `sync_all` makes the TFTP root so. Whatever is interrupted is therefore completed by the next call, whichever it is.
#   images/NAME       PIN FOLLOW; either may be `-`. PIN is a version, FOLLOW a version or `newest`.
#   retired/NAME/V    which unpacking of a version is being removed, as `unpacked` says
#   complete/NAME/V   which unpacking of a version was found whole
#   links/NODE        NAME/MENU BY; BY is `admin`, `setup` or `image`, and the menu `-` where a link of the image was taken away
#   temporary/NODE    NAME/MENU ONCE SINCE SECONDS SEEN; ONCE is `once` or `-`, the others are numbers, 0 for none
#   served            SERVER MODE USER ROOT: where things were laid out last
#   owned/PATH@       one line for each identity that PATH may have when it is ours
#   dnsmasq           the digest of the file that was written for dnsmasq

say() { printf '%s\n' "$*"; }
warn() { printf 'netboot-images: warning: %s\n' "$*" >&2; }

# fail CODE SENTENCE [HINT]
fail() {
	code=$1
	printf 'netboot-images: %s\n' "$2" >&2
	[ -z "${3-}" ] || printf '  hint: %s\n' "$3" >&2
	exit "$code"
}

broken() { fail 1 "$1" "${2-when it is mended, \`netboot-images update\` goes on from there}"; }

# What `status` and `verify` list and the other commands warn of.
PROBLEMS=
problem() {
	PROBLEMS="$PROBLEMS$*
"
}

warn_of_problems() {
	printf '%s' "$PROBLEMS" | while read -r line; do warn "$line"; done
	PROBLEMS=
}

# Whoever is not root may look, and changes nothing.
READ_ONLY=

now() { date +%s; }

# lock: one helper at a time changes anything.
lock() {
	[ -z "$READ_ONLY" ] || return 0
	mkdir -p "$S/images" "$S/retired" "$S/complete" "$S/links" "$S/temporary" "$S/owned" 2>/dev/null ||
		fail 1 "cannot write to $S" "run this as root"
	exec 9>"$S/lock" || fail 1 "cannot write to $S" "run this as root"
	flock -w "${LOCK_WAIT:-60}" 9 ||
		fail 75 "another netboot-images has been at work for a minute" "see \`fuser -v $S/lock\`"
}

unlock() { exec 9>&-; }

# write FILE TEXT: as a whole or not at all.
write() {
	[ -z "$READ_ONLY" ] || return 0
	folder=${1%/*}
	[ -d "$folder" ] || mkdir -p "$folder" || broken "cannot make $folder"
	{ printf '%s\n' "$2" >"$folder/$FRESH$$" && mv -f "$folder/$FRESH$$" "$1"; } ||
		broken "cannot write $1"
}

forget() { [ -n "$READ_ONLY" ] || rm -f "$1" || broken "cannot remove $1"; }

# Names begin with a letter or digit and have nothing in them that a shell, TFTP or pxelinux takes for something else.
proper() {
	case $1 in
	'' | [!A-Za-z0-9]* | *[!A-Za-z0-9.+~_:-]*) return 1 ;;
	esac
}

# What names that we make begin with before they are renamed; whatever is left of an interrupted call is recognized by it.
FRESH=.netboot-images.new-

# What tells a file from another of the same name without reading it, which a watcher would take for a node's doing.
file_identity() { stat -c 'file:%i:%Y:%s' "$1"; }

# identity PATH: sets IDENTITY to `none`, `link:TARGET`, `dir` or what file_identity says.
identity() {
	if [ -L "$1" ]; then
		IDENTITY=link:$(readlink "$1")
	elif [ -d "$1" ]; then
		IDENTITY=dir
	elif [ -e "$1" ]; then
		IDENTITY=$(file_identity "$1")
	else
		IDENTITY=none
	fi
}

# record PATH: sets RECORD to the file that says what it may be when it is ours.
record() { RECORD=$S/owned${1#"$R"}@; }

# mine PATH: whether it is as we left it. Sets IDENTITY.
mine() {
	identity "$1"
	record "$1"
	[ "$IDENTITY" != none ] && [ -f "$RECORD" ] || return 1
	while read -r line; do
		[ "$line" != "$IDENTITY" ] || return 0
	done <"$RECORD"
	return 1
}

# own PATH IDENTITY: before it is made, so that an interrupted call leaves nothing that nobody owns.
own() {
	if mine "$1"; then
		write "$RECORD" "$IDENTITY
$2"
	else
		write "$RECORD" "$2"
	fi
}

# settle PATH IDENTITY: it is made.
settle() {
	record "$1"
	write "$RECORD" "$2"
}

# release PATH: and drop the folders of the record that have become empty.
release() {
	record "$1"
	forget "$RECORD"
	parent=$RECORD
	while parent=${parent%/*} && [ "$parent" != "$S/owned" ]; do
		rmdir "$parent" 2>/dev/null || break
	done
}

# may_place PATH: whether nothing is there, or only what is ours; says what the problem is otherwise.
may_place() {
	if mine "$1" || [ "$IDENTITY" = none ]; then
		return 0
	fi
	problem "${1#"$R"} is not of netboot-images, or was changed since; it is left as it is. Move it away, then: netboot-images update"
	return 1
}

# place_folder PATH
place_folder() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		return 0
	fi
	may_place "$1" || return 1
	own "$1" dir
	[ "$IDENTITY" = none ] || rm -f "$1" || broken "cannot remove $1"
	mkdir "$1" || broken "cannot make the folder ${1#"$R"}"
}

# place_link PATH TARGET: by rename, so that a reader finds the old or the new one.
place_link() {
	mine "$1" && [ "$IDENTITY" = "link:$2" ] && return 0
	if [ "$IDENTITY" = "link:$2" ]; then
		settle "$1" "$IDENTITY" # whoever made it meant the same, and it leads to what is ours
		return 0
	fi
	may_place "$1" || return 1
	if [ "$IDENTITY" = dir ]; then
		problem "${1#"$R"} is a folder where a link should be; move it away, then: netboot-images update"
		return 1
	fi
	own "$1" "link:$2"
	fresh=${1%/*}/$FRESH$$
	{ rm -f "$fresh" && ln -s "$2" "$fresh" && mv -fT "$fresh" "$1"; } || broken "cannot make the link ${1#"$R"}"
	settle "$1" "link:$2"
}

# displace PATH: takes away what is ours; what is not, stays.
displace() {
	if mine "$1"; then
		case $IDENTITY in
		dir) rmdir "$1" 2>/dev/null || return 0 ;;
		*) rm -f "$1" || broken "cannot remove $1" ;;
		esac
	fi
	record "$1"
	[ ! -f "$RECORD" ] || release "$1"
}

# remove_tree FOLDER: first out of the way as a whole, then file by file.
remove_tree() {
	aside=${1%/*}/$FRESH$$
	{ rm -rf "$aside" && mv -T "$1" "$aside" && rm -rf "$aside"; } || broken "cannot remove $1"
}

# relative FROM TO: the way from one folder to another; both absolute, without links in them.
relative() {
	common=$1
	back=
	while [ "$common" != / ] && [ "${2#"${common%/}"/}" = "$2" ] && [ "$2" != "$common" ]; do
		common=${common%/*}
		common=${common:-/}
		back=../$back
	done
	rest=${2#"${common%/}"}
	rest=$back${rest#/}
	say "${rest%/}"
}

# setting FILE NAME: what a file of shell variables sets it to, without running it. One that needs a shell to be known is a problem.
setting() {
	[ -r "$1" ] || return 0
	found=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$2=//p" "$1" | tail -n 1)
	found=${found%"${found##*[![:space:]]}"}
	case $found in
	\"*\"*) found=${found#\"} found=${found%%\"*} ;;
	\'*\'*) found=${found#\'} found=${found%%\'*} ;;
	*) found=${found%%[[:space:]]#*} ;;
	esac
	say "$found"
}
