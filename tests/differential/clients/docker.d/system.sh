# The daemon itself, its events, and what it says of errors.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh

op_version() { docker version; }

op_info() { docker info; }

op_system_df() {
    docker create --name one "$image" true >/dev/null
    docker system df
    docker system df --verbose
}

op_system_prune() {
    docker create --name one --label keep "$image" true >/dev/null
    docker create --name two "$image" true >/dev/null
    docker network create unused >/dev/null
    docker system prune --force --filter 'label!=keep' | sed -E 's/^[0-9a-f]{64}$/ID/' | sort
    docker ps --all --format '{{.Names}}'
}

op_events_of_the_past() {
    local start
    start=$(date +%s.%N)
    docker run --rm --name one --network none --label mine=yes "$image" true
    docker volume create one
    docker volume rm one
    docker events --since "$start" --until "$(date +%s.%N)" \
        --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}' | sort
    docker events --since "$start" --until "$(date +%s.%N)" --filter event=create --filter type=volume
}

op_events_as_they_come() {
    local reader
    docker events --filter type=volume >told &
    reader=$!
    # Only what happens after it listens is told.
    until_it make_noise told
    docker volume create wanted
    until_it grep wanted told
    kill -TERM "$reader"
    wait "$reader" || true
    grep wanted told
}
make_noise() { docker volume create noise; docker volume rm noise; [ -s "$1" ]; }

op_plugins() { docker plugin ls; }

op_missing_things() {
    fails docker inspect nobody
    fails docker start nobody
    fails docker stop nobody
    fails docker kill nobody
    fails docker rm nobody
    fails docker logs nobody
    fails docker exec nobody true
    fails docker attach nobody
    fails docker wait nobody
    fails docker top nobody
    fails docker diff nobody
    fails docker cp nobody:/etc .
    fails docker export --output out nobody
    fails docker commit nobody
    fails docker rename nobody somebody
    fails docker update --memory 10m nobody
    fails docker image inspect nobody
    fails docker image rm nobody
    fails docker tag nobody somebody
    fails docker history nobody
    fails docker save --output out nobody
    fails docker network inspect nobody
    fails docker network rm nobody
    fails docker network connect nobody nobody
    fails docker volume inspect nobody
    fails docker volume rm nobody
    fails docker pull localhost:1/nobody
    fails docker run localhost:1/nobody
    fails docker push localhost:1/nobody
}

op_bad_options() {
    fails docker run --memory 1k "$image" true
    fails docker run --volume "$PWD:/b:odd" "$image" true
    fails docker run --network nowhere "$image" true
    fails docker run --publish 99999:80 "$image" true
    fails docker create --name 'not a name' "$image"
    fails docker network create --subnet nonsense one
    fails docker ps --filter nonsense=1
    fails docker --host unix:///nowhere/docker.sock ps
}

op_names_taken() {
    docker create --name one "$image" >/dev/null
    fails docker create --name one "$image"
    docker network create --subnet 10.77.0.0/24 one >/dev/null
    fails docker network create one
    fails docker network create --subnet 10.77.0.0/24 two
    docker volume create one
    docker volume create one
}
