# A swarm of one.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh

swarm() { docker swarm init --advertise-addr 127.0.0.1 >/dev/null; }

op_swarm() {
    fails docker node ls
    swarm
    docker node ls --format '{{.Status}} {{.Availability}} {{.ManagerStatus}}'
    docker node update --label-add mine=yes self --quiet 2>/dev/null || true
    docker swarm update --task-history-limit 3
    docker swarm join-token --quiet worker | cut -c 1-8
    docker info --format '{{.Swarm.LocalNodeState}}'
    fails docker swarm init --advertise-addr 127.0.0.1
    docker swarm leave --force
}

op_secrets_and_configs() {
    swarm
    echo secret | docker secret create --label mine=yes one -
    echo config >file
    docker config create two file
    docker secret ls --format '{{.Name}}'
    docker secret inspect one
    docker config inspect two
    echo again | fails docker secret create one -
    docker secret rm one
    docker config rm two
}

op_services() {
    swarm
    echo config | docker config create settings - >/dev/null
    docker service create --detach --quiet --name one --label mine=yes --container-label inner=yes \
        --config settings --env A=1 --limit-memory 64m --no-resolve-image \
        "$image" sh -c 'cat /settings; exec sleep 600'
    until_it serves 1/1
    docker service ps --format '{{.Name}} {{.DesiredState}}' one
    until_it docker_service_logged config
    docker service logs --raw one
    docker service inspect one
    docker service scale --detach one=2
    until_it serves 2/2
    docker service update --detach --label-add more=yes one
    docker service inspect --format '{{.Spec.Name}} {{.Spec.Mode.Replicated.Replicas}}' one
    docker service rm one
    fails docker service inspect one
}
serves() { [ "$(docker service ls --format '{{.Replicas}}')" = "$1" ]; }
docker_service_logged() { docker service logs --raw one | grep -q "$1"; }

op_stack() {
    swarm
    printf '%s\n' 'version: "3.8"' 'services:' '  one:' "    image: $image" '    command: sleep 600' \
        '    deploy: {replicas: 1, labels: {mine: "yes"}}' '    networks: [outside]' \
        'networks: {outside: {external: true, name: host}}' >stack.yml
    docker stack deploy --resolve-image never --compose-file stack.yml pile 2>&1 | grep -v detach
    until_it serves 1/1
    docker stack services --format '{{.Name}} {{.Replicas}}' pile
    docker stack ps --format '{{.Name}} {{.DesiredState}}' pile
    docker stack rm pile
}
