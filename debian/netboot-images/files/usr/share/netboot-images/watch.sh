# shellcheck shell=sh
# The watcher: links with --for go when their time is over, links with --once when their node has read them. It runs only while there
# are such links; systemd runs it where there is systemd.

# watched: whether a watcher runs and sees what nodes read.
watched() { [ -f "$S/watching" ] && ! flock -n "$S/watch.lock" true 9>&-; }

# Without a systemd, the watcher is a process of its own; a second one ends at once.
start_watcher() {
	if [ -d "$R/run/systemd/system" ]; then
		systemctl start --no-block netboot-images.service 9>&- || true
	else
		NETBOOT_IMAGES_ROOT=$R setsid "$SELF" watch </dev/null >/dev/null 2>&1 9>&- &
	fi
}

# ensure_watcher: with the lock held and the link in the state already. The watcher decides to end with the lock held, so it either
# has seen that link or is about to be gone; until then systemd takes it for started, and a new one for a second, so both are asked again.
ensure_watcher() {
	tries=0
	until watched; do
		if [ "$tries" -ge 300 ]; then
			problem "nobody watches over links that are temporary; see: systemctl status netboot-images, or run: netboot-images watch"
			return
		fi
		[ $((tries % 20)) -ne 0 ] || start_watcher
		tries=$((tries + 1))
		sleep 0.1
	done
}

# notice EVENTS: reading of a file that is for one boot begins its last seconds.
notice() {
	printf '%s\n' "$1" | while IFS='|' read -r folder event node; do
		[ "$folder" = "$T/pxelinux.cfg/" ] && [ -f "$S/temporary/$node" ] || continue
		case $event in *CLOSE_NOWRITE*) ;; *) continue ;; esac
		read -r menu once since lasts seen <"$S/temporary/$node"
		[ "$once" != once ] || [ "$seen" != 0 ] || write "$S/temporary/$node" "$menu $once $since $lasts $(now)"
	done
}

end_watch() {
	[ -z "$EYES" ] || kill "$EYES" 2>/dev/null
	rm -f "$S/watching" "$S/watch.fifo"
}

# open_eyes: inotifywait writes to descriptor 7 what happens in the folders; without it, times of reading are looked at instead.
open_eyes() {
	[ -z "$EYES" ] || kill "$EYES" 2>/dev/null
	EYES=
	SEEING=$T
	command -v inotifywait >/dev/null || {
		warn "inotifywait is missing (inotify-tools): links with --once fall off where the file system keeps times of reading"
		return
	}
	inotifywait -m -e close_nowrite -e moved_to -e delete --format '%w|%e|%f' "$T/pxelinux.cfg/" "$S/temporary/" >&7 2>&7 8>&- 9>&- &
	EYES=$!
	while read -r line <&7; do
		case $line in
		*'Watches established'*) return ;;
		*"Couldn't"* | *'Failed'* | *'upper limit'*)
			warn "inotifywait: $line"
			EYES=
			return
			;;
		esac
	done
}

watch() {
	mkdir -p "$S/temporary" && exec 8>"$S/watch.lock" || fail 1 "cannot write to $S" "run this as root"
	flock -n 8 || {
		say "another watcher is at work already"
		exit 0
	}
	EYES=
	trap end_watch EXIT
	trap 'exit 0' INT TERM HUP
	rm -f "$S/watch.fifo"
	{ mkfifo "$S/watch.fifo" && exec 7<>"$S/watch.fifo"; } || broken "cannot make $S/watch.fifo"
	choose && [ -d "$T/pxelinux.cfg" ] || fail 6 "$(no_server)" "$(no_server_hint)"
	open_eyes
	write "$S/watching" "$$"
	while :; do
		lock
		if ! choose || [ ! -d "$T/pxelinux.cfg" ]; then
			fail 6 "$(no_server)" "$(no_server_hint)"
		fi
		expire
		[ -z "$GONE" ] || sync_links
		PROBLEMS=
		if [ -z "$NEXT" ]; then
			rm -f "$S/watching"
			exec 8>&-
			exit 0
		fi
		[ "$SEEING" = "$T" ] || open_eyes
		unlock
		[ -n "$EYES" ] || [ "$NEXT" -le 2 ] || NEXT=2
		events=$(timeout "$NEXT" dd bs=65536 count=1 <&7 2>/dev/null 8>&- || true)
		lock
		[ -z "$events" ] || notice "$events"
		unlock
	done
}
