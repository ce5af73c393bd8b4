# Networks and volumes.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh

op_networks() {
    docker network create --label mine=yes --subnet 10.77.0.0/24 --gateway 10.77.0.1 one
    docker network create --internal --driver bridge --opt com.docker.network.driver.mtu=1400 two
    docker network inspect one two
    docker network ls --filter type=custom --format '{{.Name}} {{.Driver}} {{.Scope}}' | sort
    docker network ls --filter label=mine
    docker network rm one
    docker network prune --force --filter label=mine
}

op_network_with_a_bridge_of_its_own() {
    docker network create --opt com.docker.network.bridge.name=dcp0 one
    docker network inspect one
}

op_connect() {
    docker network create one >/dev/null
    docker run --detach --name server --network one --network-alias here "$image" sleep 600 >/dev/null
    # Podman lets nobody ping without.
    docker run --detach --name client --cap-add NET_RAW "$image" sleep 600 >/dev/null
    docker network connect --alias there one client
    fails docker network connect one client
    docker exec client ping -c 1 -q here | tail -n 2 | head -n 1
    docker network inspect --format '{{range .Containers}}{{println .Name}}{{end}}' one | sort
    # It names those that use it in any order.
    fails docker network rm one 2>/dev/null
    docker network disconnect one client
    fails docker network disconnect one client
    docker network disconnect --force one server
    docker network rm one
}

op_volumes() {
    docker volume create --label mine=yes one
    docker volume create two
    docker volume create | wc -c
    docker volume inspect one two
    docker volume ls --filter label=mine
    docker volume ls --filter dangling=true --format '{{.Name}} {{.Driver}}' | grep -E '^(one|two)'
    docker run --rm --volume one:/v "$image" sh -c 'echo kept >/v/file'
    docker run --rm --volume one:/v:ro "$image" cat /v/file
    docker create --name user --volume one:/v "$image" >/dev/null
    fails docker volume rm one
    docker rm user
    docker volume rm one two
    docker volume prune --force --filter label=mine | tail -n 1
}

op_volume_with_options() {
    docker volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m one
    docker volume inspect one
}

op_prune_networks_and_volumes() {
    docker network create one
    docker volume create --label mine two
    docker network prune --force
    docker volume prune --force | tail -n 1
}
