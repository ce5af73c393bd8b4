# What lives of containers: run, and all that is done to one that is there.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh
# shellcheck disable=SC2016 # what is quoted so is for the shell in the container

# A container that ends at once when told to.
sleeper='trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'

# in_background NAME OPTION...: one that runs until it is stopped.
in_background() {
    docker run --detach --name "$@" "$image" sh -c "$sleeper" >/dev/null
    until_it_said "$1" ready
}

op_run() { docker run --name one "$image" sh -c 'echo out; echo err >&2'; }

op_run_and_remove() {
    docker run --rm --name one "$image" echo gone
    docker ps --all --quiet
}

op_run_exit_codes() {
    fails docker run "$image" sh -c 'exit 7'
    fails docker run "$image" nosuchprogram
    fails docker run "$image" /etc
    fails docker run --init "$image" sh -c 'kill -9 $$'
}

op_run_detached() {
    docker run --detach --name one "$image" sleep 600
    docker ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Ports}}'
}

op_run_with_input() {
    printf 'one\ntwo\n' | docker run --rm --interactive "$image" cat
    docker run --rm --interactive "$image" wc -c </dev/null
    seq 300000 | docker run --rm --interactive "$image" md5sum
}

op_run_with_much_output() {
    docker run --rm "$image" seq 300000 | md5sum
    docker run --rm "$image" sh -c 'seq 50000 >&2; seq 50000' 2>err | md5sum
    md5sum <err
}

op_run_input_is_closed_first() {
    printf 'in' | docker run --rm --interactive "$image" sh -c 'cat; echo; echo after the end; echo err >&2'
}

op_run_reader_goes_away() {
    docker run --name one "$image" sh -c 'yes | head -c 20000000' | head -n 2 || true
}

op_run_on_a_terminal() {
    pty "docker run --rm --tty $image sh -c 'tty; echo err >&2; stty size; exit 3'" || echo "exit code $?"
}

op_run_typed_at_a_terminal() {
    typed "docker run --rm --interactive --tty $image sh" 'echo $((6 * 7))' 'exit 4'
}

op_run_options() {
    docker run --name one --env A=1 --label mine=yes --workdir /tmp --user 1:2 --hostname here \
        --read-only --tmpfs /t:size=1m --ulimit nofile=64 --memory 64m --cpus 0.5 --pids-limit 50 \
        --cap-add NET_RAW --cap-drop MKNOD --network none --add-host a.b:1.2.3.4 --dns 1.1.1.1 \
        --shm-size 2m --init --oom-score-adj 100 --security-opt no-new-privileges --stop-signal INT \
        --log-opt max-size=1m --sysctl net.ipv4.ip_forward=1 \
        "$image" sh -c 'echo "$A"; pwd; id; hostname; ulimit -n'
    docker inspect one
}

op_run_with_a_capability() {
    docker run --name one --cap-add NET_ADMIN "$image" ip link set lo down
    docker inspect one
}

op_run_with_a_device() {
    docker run --name one --device /dev/null:/dev/nothing "$image" ls /dev/nothing
    docker inspect one
}

op_run_cidfile_and_entrypoint() {
    docker run --cidfile id --entrypoint /bin/echo "$image" from the entry point
    docker inspect --format '{{json .Config.Entrypoint}} {{json .Args}}' "$(<id)"
}

op_run_with_volumes() {
    mkdir here
    docker run --rm --volume "$PWD/here:/here" --volume named:/named --volume /anonymous \
        --mount type=volume,source=other,target=/other,volume-label=mine=yes "$image" \
        sh -c 'echo written >/here/file; ls -d /named /anonymous /other'
    cat here/file
    docker volume ls --quiet
}

op_run_with_volumes_that_stay() {
    docker run --name one --volume /anonymous --volume named:/named:ro --mount type=volume,source=other,target=/other \
        "$image" ls -d /anonymous /named /other
    docker create --name two --volume /anonymous "$image" >/dev/null
    docker rm --volumes two
}

op_run_with_volumes_of_another() {
    fails docker run --volumes-from nobody "$image" true
    docker create --name one --volume /anonymous --volume named:/named:ro "$image" >/dev/null
    docker create --name two --volumes-from one "$image" >/dev/null
    docker inspect --format '{{range .Mounts}}{{println .Type .Destination .RW}}{{end}}' two | sort
    docker rm --volumes two
}

op_run_publishes_a_port() {
    docker run --detach --name one --publish 18080:80 "$image" httpd -f -h /etc >/dev/null
    docker port one
    until_it curl --silent http://localhost:18080/passwd
    curl --silent http://localhost:18080/passwd
}

op_run_passes_signals_on() {
    docker run --name one "$image" sh -c 'trap "echo caught; exit 5" INT; echo ready; while :; do sleep 0.1; done' &
    until_it_said one ready
    kill -INT $!
    wait $! || echo "exit code $?"
}

op_run_with_a_restart_policy() {
    docker run --detach --name one --restart on-failure:2 "$image" false >/dev/null
    until_it is_restarted_twice
    docker inspect --format '{{.RestartCount}} {{.State.ExitCode}}' one
}
is_restarted_twice() { [ "$(docker inspect --format '{{.RestartCount}}{{.State.Status}}' one)" = 2exited ]; }

op_health() {
    docker run --detach --name one --health-cmd 'echo fine' --health-interval 1s "$image" sleep 600 >/dev/null
    until_it is_healthy
    docker inspect --format '{{.State.Health.Status}} {{(index .State.Health.Log 0).Output}}' one
}
is_healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' one)" = healthy ]; }

op_create_start_attach() {
    docker create --interactive --name one "$image" cat >/dev/null
    echo typed | docker start --attach --interactive one
    docker ps --all --format '{{.Names}} {{.State}}'
}

op_attach() {
    docker run --detach --name one "$image" sh -c 'until [ -e /go ]; do sleep 0.1; done; echo out; echo err >&2; exit 6' >/dev/null
    docker attach --no-stdin one >out 2>err &
    # Attached, or it would miss what comes; nothing tells but the daemon's events.
    until_it was_attached
    docker exec one touch /go
    wait $! || echo "exit code $?"
    cat out err
}
was_attached() { docker events --since 0 --until "$(date +%s)" --filter container=one --filter event=attach | grep .; }

op_detach_with_keys() {
    docker create --interactive --tty --name one "$image" sh >/dev/null
    typed 'docker start --attach --interactive one' 'echo $((6 * 7))' $'\020\021'
    docker inspect --format '{{.State.Status}}' one
}

op_exec() {
    in_background one
    docker exec one sh -c 'echo out; echo err >&2'
    fails docker exec one sh -c 'exit 9'
    fails docker exec one nosuchprogram
    docker exec --env A=1 --workdir /tmp --user 1:2 one sh -c 'echo "$A"; pwd; id'
    printf 'in\n' | docker exec --interactive one cat
    seq 100000 | docker exec --interactive one md5sum
    docker exec one seq 100000 | md5sum
    docker exec --detach one touch /made
    until_it docker exec one ls /made
    docker stop one
    fails docker exec one true
}

op_exec_on_a_terminal() {
    in_background one
    pty 'docker exec --tty one sh -c "tty; echo err >&2; exit 3"' || echo "exit code $?"
    typed 'docker exec --interactive --tty one sh' 'echo $((6 * 7))' 'exit 4'
}

op_exec_many_at_once() {
    local number
    in_background one
    for number in {1..8}; do docker exec one sh -c "echo $number; seq 20000 | md5sum" >"$number" & done
    wait
    cat {1..8}
}

op_logs() {
    docker run --name one "$image" sh -c 'for n in 1 2 3; do echo out $n; done; sleep 0.5; echo err >&2' >/dev/null 2>&1
    docker logs one
    docker logs --tail 1 one
    docker logs --timestamps one
    docker logs --follow one
    docker logs --since 1h one
    docker logs --until 1h one
    docker logs --details one
}

op_logs_of_a_terminal() {
    docker run --tty --detach --name one "$image" seq 5 >/dev/null
    docker wait one
    docker logs one
}

op_logs_as_they_come() {
    docker run --detach --name one "$image" sh -c 'for n in 1 2 3; do echo $n; sleep 0.3; done' >/dev/null
    docker logs --follow one
}

op_logs_reader_goes_away() {
    in_background one
    docker logs --follow one >out &
    until_it grep ready out
    kill -TERM $!
    wait $! || echo "exit code $?"
    docker stop one
}

op_wait() {
    docker run --detach --name one "$image" sh -c 'sleep 1; exit 3' >/dev/null
    docker run --detach --name two "$image" sh -c 'exit 4' >/dev/null
    docker wait one two
    docker wait one
}

op_stop_kill_restart() {
    in_background one
    docker stop one
    docker start one
    docker restart one
    docker kill --signal TERM one
    docker wait one
    fails docker kill one
    docker start one
    docker kill one
    docker wait one
}

op_pause_rename_update() {
    in_background one
    docker pause one
    fails docker exec one true
    docker inspect --format '{{.State.Status}}' one
    docker unpause one
    docker rename one two
    docker update --memory 64m --memory-swap 64m --restart no two
    docker inspect --format '{{.Name}} {{.HostConfig.Memory}}' two
    fails docker rename two two
}

op_top_stats_diff() {
    docker run --detach --name one "$image" sh -c 'touch /made; exec sleep 600' >/dev/null
    until_it is_made
    docker top one -o pid,args | awk '{ print $2, $3 }'
    docker stats --no-stream --format '{{.Name}} {{.PIDs}}' one
    docker diff one
}
is_made() { docker diff one | grep /made; }

op_stats_as_they_come() {
    in_background one
    # Podman's containers have no slash before their names, and the docker command takes away what is there.
    docker stats --format '{{.Container}}' one >out &
    until_it grep one out
    # CLI 28 does not mind TERM here.
    kill -KILL $!
    wait $! 2>/dev/null || echo "exit code $?"
    tr -d '\033' <out | grep --only-matching one | head -n 1
}

op_copy() {
    docker create --name one "$image" >/dev/null
    mkdir -p tree/deep
    echo file >tree/deep/file
    ln -s deep/file tree/link
    docker cp tree one:/tmp
    docker cp one:/tmp/tree back
    diff -r tree back
    tar --create tree | docker cp - one:/root
    docker cp one:/root/tree - | tar --list | sort
    docker cp one:/root/tree/deep/file -  | tar --extract --to-stdout
    docker cp --follow-link one:/tmp/tree/link copied
    cat copied
    fails docker cp one:/nowhere .
    fails docker cp tree one:/nowhere/deeper
    head -c 5000000 /dev/zero >big
    docker cp big one:/big
    docker cp one:/big - | wc -c
}

op_export() {
    docker create --name one "$image" >/dev/null
    docker export one | tar --list | sort | md5sum
    docker export --output out.tar one
    tar --list --file out.tar | wc -l
}

op_list() {
    docker create --name one --label mine=yes --expose 80 "$image" echo >/dev/null
    in_background two
    docker ps --format '{{.Names}} {{.Status}}'
    docker ps --all
    docker ps --all --size --no-trunc
    docker ps --all --filter label=mine --format '{{.Names}} {{.Labels}}'
    docker ps --all --filter status=created --quiet
    docker ps --all --filter name=tw --format json
    docker ps --last 1 --format '{{.Names}}'
    docker ps --all --filter label=0.operator=other
}

op_inspect() {
    in_background one --label mine=yes
    docker inspect one
    docker inspect --size --format '"SizeRootFs": {{.SizeRootFs}}' one
}

op_remove() {
    in_background one
    docker create --name two "$image" >/dev/null
    fails docker rm one
    docker rm --force one
    docker rm two
    docker create --name three --label mine --volume /v "$image" >/dev/null
    docker container prune --force --filter label=mine
    docker volume ls --quiet | wc -l
}
