# shellcheck shell=sh
# What there is, what nodes boot, and whether it is all as it should be.

list() {
	lines=
	for name in $(images); do
		active "$name"
		wanted "$name"
		for version in $(installed "$name"); do
			how=
			[ "$version" != "$ACTIVE" ] || how=" active"
			[ "$version" != "$PIN" ] || how="$how pinned"
			ready "$name" "$version" || how="$how incomplete"
			! retired "$name" "$version" || how="$how leaving"
			found=$(menus_of "$name" "$version")
			lines="$lines$name $version${how:- -} ${found:--}
"
		done
	done
	if [ -n "$lines" ]; then
		printf '%s' "$lines"
	else
		say "no image is installed; packages with images are called netboot-image-NAME-VERSION"
	fi
}

menus_of() {
	for menu in "$R$LIB/$1/$2/menus"/*; do
		[ ! -f "$menu" ] || printf '%s\n' "${menu##*/}"
	done | paste -s -d , -
}

# when SECONDS: since 1970, as people write it.
when() { date -d "@$1" '+%Y-%m-%d %H:%M:%S' 2>/dev/null || say "$1"; }

status() {
	if choose; then
		say "server: $SERVER ($RUNNING), serves $ROOT; chosen because: $WHY"
		case $MODE in
		link) say "images: links to $LIB" ;;
		copy) say "images: copies in $ROOT/netboot-images$([ "$OWNER" = - ] || say ", owned by $OWNER")" ;;
		esac
		while read -r name _ _ runs root; do
			[ -z "$name" ] || [ "$name $root" = "$SERVER $ROOT" ] ||
				say "also: $name ($runs) serves $root, where no images lie; TFTP_ROOT=$root in /etc/netboot-images.conf would change that"
		done <<-END
			$SERVERS
		END
		PROBLEMS=$PROBLEMS$UNUSABLE # as lines, both
		[ -d "$T" ] || problem "the TFTP root $ROOT is not there; make it, or mend where it is said"
	else
		say "server: none${UNUSABLE:+ that can be used}"
		problem "$(no_server); $(no_server_hint)"
	fi
	[ ! -r "$S/http" ] || say "http: $(cat "$S/http")/netboot-images"
	for name in $(images); do
		active "$name"
		wanted "$name"
		if ! set_up "$name"; then
			say "image: $name is installed ($(installed "$name" | paste -s -d ' ' -)), not served"
		elif [ -z "$ACTIVE" ]; then
			say "image: $name is set up, and no version of it is active"
		elif [ "$PIN" != - ]; then
			say "image: $name $ACTIVE is active, pinned to $PIN"
		elif [ "$FOLLOW" = newest ]; then
			say "image: $name $ACTIVE is active, the newest installed"
		else
			say "image: $name $ACTIVE is active, as its server package says ($FOLLOW)"
		fi
		[ -n "$T" ] && set_up "$name" || continue
		[ -n "$WANTED" ] || problem "$name has no complete version installed; nodes that boot it find nothing"
		[ "$ACTIVE" = "$WANTED" ] ||
			problem "$name: ${ACTIVE:-nothing} is active where ${WANTED:-nothing} should be; netboot-images update"
	done
	for path in "$S/temporary"/* "$S/links"/*; do
		[ -f "$path" ] || continue
		fault_of "$path"
		say "node: $(status_of "$path")"
		[ -z "$FAULT" ] || problem "$FAULT"
	done
	if [ -n "$T" ]; then foreign_nodes; fi
}

# status_of FILE: of a link, of which fault_of was asked.
status_of() {
	node=${1##*/}
	boots="boots"
	[ -n "$T" ] && [ -z "$FAULT" ] || boots="is to boot"
	case $1 in
	*/temporary/*)
		read -r menu once since lasts seen <"$1"
		then="then the default"
		if [ -f "$S/links/$node" ]; then
			read -r after _ <"$S/links/$node"
			[ "$after" = - ] || then="then $after"
		fi
		until=
		[ "$lasts" = 0 ] || until=" until $(when $((since + lasts))) ($((since + lasts - $(now))) s)"
		[ "$once" != once ] || until="$until once$([ "$seen" = 0 ] || say ", which was read")"
		say "$(shown "$node") $boots $menu$until, $then"
		;;
	*)
		read -r menu by <"$1"
		if [ "$menu" = - ]; then
			say "$(shown "$node") boots the default; the link of its image was taken away"
		else
			by="said by $by"
			set_up "${menu%%/*}" || boots="is to boot" by="$by; ${menu%%/*} is not served now"
			say "$(shown "$node") $boots $menu ($by)$([ ! -f "$S/temporary/$node" ] || say ", later")"
		fi
		;;
	esac
}

# Configurations of nodes that somebody else put there, which netboot-images leaves alone. Where a link is wanted, that is a problem
# and said as one.
foreign_nodes() {
	for path in "$T/pxelinux.cfg"/*; do
		node=${path##*/}
		[ -e "$path" ] || [ -L "$path" ] || continue
		for said in "$S/temporary/$node" "$S/links/$node"; do
			[ -f "$said" ] || continue
			fault_of "$said"
			[ -z "$WANTS" ] || continue 2
		done
		! mine "$path" || continue
		say "node: $(shown "$node") is not of netboot-images, and left as it is"
	done
}

# verify: adds a problem for each thing that is not as it should be.
verify() {
	if ! choose; then
		[ -z "$(set_up_images)" ] || problem "$(no_server); $(no_server_hint)"
		return
	fi
	[ -n "$(set_up_images)" ] || return 0
	verify_readable "$T"
	for name in $(set_up_images); do verify_image "$name"; done
	verify_loader
	for path in "$S/owned$ROOT/pxelinux.cfg"/*@ "$S/owned$ROOT"/*@; do
		[ ! -f "$path" ] || verify_owned "$path"
	done
	for path in "$T/pxelinux.cfg"/*; do
		[ ! -L "$path" ] || [ -e "$path" ] || problem "${path#"$R"} leads nowhere"
	done
	for path in "$S/links"/* "$S/temporary"/*; do
		[ -f "$path" ] || continue
		fault_of "$path"
		[ -z "$FAULT" ] || problem "$FAULT"
	done
	foreign_nodes
	for path in "$T/$FRESH"* "$T/pxelinux.cfg/$FRESH"* "$T/netboot-images/$FRESH"* "$T/netboot-images"/*/"$FRESH"*; do
		[ ! -e "$path" ] && [ ! -L "$path" ] || problem "${path#"$R"} was left by an interrupted call; netboot-images update"
	done
	for path in "$S/temporary"/*; do
		[ ! -f "$path" ] || watched || {
			problem "nobody watches over links that are temporary; netboot-images update"
			break
		}
	done
}

# verify_readable FOLDER: for a server that is not root, all the way down to it.
verify_readable() {
	way=$(cd -P "$1" 2>/dev/null && pwd) || {
		problem "the TFTP root $ROOT is not there"
		return
	}
	while [ -n "$way" ] && [ "$way" != "$R" ]; do
		case $(stat -c %A "$way") in
		d????????[xt]) ;;
		*) problem "${way#"$R"} lets nobody in but its owner; chmod a+x ${way#"$R"}" ;;
		esac
		way=${way%/*}
	done
	path=$(find -L "$1/netboot-images/" "$1/pxelinux.cfg/" -type f ! -perm -004 2>/dev/null | head -n 1)
	[ -z "$path" ] || problem "${path#"$R"} cannot be read by the server; chmod a+r"
	if [ "$OWNER" != - ]; then
		path=$(find -L "$1/netboot-images/" "$1/pxelinux.cfg/" -type f ! -user "$OWNER" 2>/dev/null | head -n 1)
		[ -z "$path" ] || problem "${path#"$R"} is not owned by $OWNER, and $SERVER serves only what is; netboot-images update"
	fi
}

verify_image() {
	active "$1"
	wanted "$1"
	if [ -z "$ACTIVE" ]; then
		problem "$1 is set up, but no version of it is active; netboot-images update"
		return
	fi
	[ "$ACTIVE" = "$WANTED" ] || problem "$1: $ACTIVE is active where ${WANTED:-nothing} should be; netboot-images update"
	folder=$T/netboot-images/$1/current
	broken_file=$(cd "$folder" 2>/dev/null && sha256sum -c SHA256SUMS 2>/dev/null | grep -v ': OK$' | head -n 1)
	if [ ! -f "$folder/SHA256SUMS" ]; then
		problem "$1 $ACTIVE has no SHA256SUMS where it is served"
	elif [ -n "$broken_file" ]; then
		problem "$1 $ACTIVE: ${broken_file%: *} is not as it was packed; apt reinstall its package, then: netboot-images update"
	fi
	[ ! -d "$R$LIB/$1/$ACTIVE/menus" ] || diff -r "$R$LIB/$1/$ACTIVE/menus" "$folder/menus" >/dev/null 2>&1 ||
		problem "$1 $ACTIVE: the menus that are served are not those that are installed; netboot-images update"
	for menu in "$folder/menus"/*; do
		[ ! -f "$menu" ] || verify_menu "$1" "$menu"
	done
}

# verify_menu NAME FILE: whether the files that it names are served.
verify_menu() {
	for named in $(tr ' ,=\t' '\n\n\n\n' <"$2" | grep '^/\{0,1\}netboot-images/' | sort -u); do
		[ -f "$T/${named#/}" ] || problem "$1: the menu ${2##*/} names $named, which is not there"
	done
	for named in $(tr ' \t' '\n\n' <"$2" | grep '^[A-Za-z0-9_-]*\.c32$' | sort -u); do
		[ -f "$T/$named" ] || problem "$1: the menu ${2##*/} wants $named, which is not there"
	done
}

verify_loader() {
	while read -r path; do
		[ -z "$path" ] || cmp -s "$path" "$T/${path##*/}" ||
			problem "$ROOT/${path##*/} is not the one that the images come with; netboot-images update says why"
	done <<-END
		$(loader_set 2>/dev/null)
	END
}

# verify_owned RECORD
verify_owned() {
	path=$R${1#"$S/owned"}
	path=${path%@}
	mine "$path" && return
	if [ "$IDENTITY" = none ]; then
		problem "${path#"$R"} is gone; netboot-images update"
	else
		problem "${path#"$R"} was changed by somebody else, and is left as it is"
	fi
}

# fault_of FILE: sets WANTS when the link is to be served now, and FAULT to why the node does not find it then.
fault_of() {
	WANTS='' FAULT=''
	read -r menu once _ <"$1"
	node=${1##*/}
	[ -n "$T" ] && [ "$menu" != - ] && set_up "${menu%%/*}" || return 0
	case $1 in */links/*) [ ! -f "$S/temporary/$node" ] || return 0 ;; esac
	WANTS=yes
	active "${menu%%/*}"
	if [ -z "$ACTIVE" ]; then
		FAULT="$node does not boot $menu: no version of ${menu%%/*} is active"
	elif ! menu_file "$menu"; then
		FAULT="$node is linked to $menu, which the active version does not have"
	elif mine "$T/pxelinux.cfg/$node"; then
		[ "$once" = once ] || [ "$IDENTITY" = "link:../$MENU_FILE" ] || FAULT="$node does not boot $menu yet; netboot-images update"
	elif [ "$IDENTITY" = none ]; then
		FAULT="$node does not boot $menu: $ROOT/pxelinux.cfg/$node is gone; netboot-images update"
	elif [ "$IDENTITY" != "link:../$MENU_FILE" ]; then
		FAULT="$node does not boot $menu: $ROOT/pxelinux.cfg/$node is not of netboot-images; move it away, then: netboot-images update"
	fi
}
