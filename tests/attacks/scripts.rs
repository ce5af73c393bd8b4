//! Attacks by the docker command, most of which happen by accident.

use super::exceptions::{LEFT, STEPS, TASKS, VOLUMES};
use super::stage::Wanted::{self, Labelled, Leaves, Nothing};

const ALL: &str = "20 28 29 podman";
const DOCKER: &str = "20 28 29";

/// Description; script; expected result; engines on which it works without the proxy.
#[rustfmt::skip]
pub(crate) const ATTACKS: &[(&str, &str, Wanted, &str)] = &[
    ("a running container", "docker run -d --name $NAME --cgroup-parent /mine --label ci.job=mine $IMAGE sleep 1000", Labelled, ALL),
    ("a container of a labelled image", "docker commit $FOREIGN $NAME; docker create --name $NAME $NAME true", Labelled, ALL),
    ("a named volume", "docker run -d --name $NAME -v $NAME:/x $IMAGE sleep 1000", Labelled, ALL),
    ("an anonymous volume", "docker run -d --name $NAME -v /x $IMAGE sleep 1000", Leaves(&[VOLUMES]), ALL),
    ("a volume of another's driver", "docker create --name $NAME --volume-driver local -v /x -v $NAME:/y $VOLUMES true", Leaves(&[VOLUMES]), ALL),
    ("a volume below a tmpfs", "docker create --name $NAME --tmpfs /data $VOLUMES true", Labelled, ALL),
    ("a volume below a tmpfs that is not clean", "docker create --name $NAME --tmpfs /data/ $VOLUMES true", Leaves(&[VOLUMES]), DOCKER),
    ("volumes that are left to the daemon", "DOCKER_HOST=$LEAVING docker create --name $NAME -v /x $VOLUMES true", Leaves(&[LEFT]), ALL),
    ("a mount where volumes are left to the daemon", "DOCKER_HOST=$LEAVING docker create --name $NAME --mount type=volume,dst=/x $IMAGE true", Leaves(&[VOLUMES]), ALL),
    ("another's volumes", "docker create --name $NAME-a $VOLUMES true; docker create --name $NAME --volumes-from $NAME-a $VOLUMES true", Leaves(&[VOLUMES]), ALL),
    ("a network with a container", "docker network create --internal $NAME; docker create --name $NAME --network $NAME $IMAGE true", Labelled, ALL),
    ("a volume with options", "docker volume create --opt type=tmpfs --opt device=tmpfs --label ci.job=mine $NAME", Labelled, ALL),
    ("a build that overrides", "printf 'FROM $IMAGE\\nLABEL ci.job=mine\\nRUN true\\n' | docker build --label ci.team=mine -t $NAME -", Leaves(&[STEPS]), ALL),
    ("a build of stages", "printf 'FROM $IMAGE AS a\\nRUN echo $NAME >/a\\nFROM $IMAGE\\nCOPY --from=a /a /b\\n' | docker build -t $NAME -", Leaves(&[STEPS]), DOCKER),
    ("a build that fails", "printf 'FROM $IMAGE\\nRUN exit 3 # $NAME\\n' | docker build -t $NAME - || true", Nothing, DOCKER),
    ("a build whose steps stay", "printf 'FROM $IMAGE\\nRUN echo $NAME\\n' | docker build --rm=false -t $NAME -", Leaves(&[STEPS]), DOCKER),
    ("an import", "docker export $FOREIGN | docker import --change 'LABEL ci.job=mine' - $NAME", Labelled, ALL),
    ("a load", "DOCKER_HOST=$DIRECT docker commit $FOREIGN $NAME; docker save $NAME -o $FOLDER/saved; docker rmi $NAME; docker load -i $FOLDER/saved", Leaves(&["loaded images"]), ALL),
    ("a socket of a directory's link", "ln -sfn $SOCKETS $FOLDER/dir; docker create --name $NAME -v $FOLDER/dir/docker.sock:/s $IMAGE true", Labelled, ALL),
    ("a socket of another name", "test -e $FOLDER/hard || ln $DAEMON $FOLDER/hard; docker create --name $NAME -v $FOLDER/hard:/var/run/docker.sock $IMAGE true", Labelled, ALL),
    ("a swarm", "docker swarm leave -f || true; docker swarm init --advertise-addr 127.0.0.1", Leaves(&["swarm's networks"]), DOCKER),
    ("a plugin", "mkdir -p $FOLDER/plugin/rootfs; echo '{\"interface\":{\"types\":[\"docker.volumedriver/1.0\"],\"socket\":\"s\"},\"entrypoint\":[\"/x\"]}' >$FOLDER/plugin/config.json; docker plugin create $NAME $FOLDER/plugin", Leaves(&["plugins"]), DOCKER),
    ("a secret", "echo $NAME | docker secret create --label ci.job=mine $NAME -", Labelled, ALL),
    ("a config", "echo $NAME | docker config create --label ci.job=mine $NAME -", Labelled, DOCKER),
    ("an overlay network", "docker network create --driver overlay --attachable $NAME", Labelled, DOCKER),
    ("a service", "docker service create -d --no-resolve-image --name $NAME --label ci.job=mine --container-label ci.job=mine --mount type=volume,dst=/x $IMAGE sleep 1000; until [ \"$(docker ps -q --filter name=$NAME)\" ]; do sleep 0.1; done", Leaves(&[TASKS]), DOCKER),
    ("a service with the socket", "docker service create -d --no-resolve-image --name $NAME --mount type=bind,src=$DAEMON,dst=/s $IMAGE sleep 1000; until [ \"$(docker ps -q --filter name=$NAME)\" ]; do sleep 0.1; done", Leaves(&[TASKS]), DOCKER),
    ("a service with a template for the socket", "docker service create -d --no-resolve-image --replicas 0 --name $NAME --mount \"type=bind,src=$SOCKETS/{{.Service.Name}}.sock,dst=/s\" $IMAGE true || true", Nothing, DOCKER),
    ("a service of an image with a volume", "docker service create -d --no-resolve-image --name $NAME $VOLUMES sleep 1000; until [ \"$(docker ps -q --filter name=$NAME)\" ]; do sleep 0.1; done", Leaves(&[TASKS, "volumes of a service's image"]), DOCKER),
    ("a service that is updated", "docker service create -d --no-resolve-image --replicas 0 --name $NAME $IMAGE sleep 1000; docker service update -d --label-rm ci.job --container-label-rm ci.job $NAME; docker service scale -d $NAME=0", Labelled, DOCKER),
    ("a service that is rolled back", "DOCKER_HOST=$DIRECT docker service create -d --no-resolve-image --replicas 0 --name $NAME $IMAGE sleep 1000; docker service update -d --env-add A=1 $NAME; docker service rollback -d $NAME", Leaves(&["rolled back services"]), DOCKER),
    ("a stack", "printf 'version: \"3.7\"\\nservices:\\n  a:\\n    image: $IMAGE\\n    command: sleep 1000\\n    volumes: [\"vol:/x\"]\\n    networks: [n]\\nvolumes: {vol: {}}\\nnetworks: {n: {external: true, name: host}}\\n' | docker stack deploy --resolve-image never -c - $NAME; until [ \"$(docker ps -q --filter name=$NAME)\" ]; do sleep 0.1; done", Leaves(&[TASKS]), DOCKER),
];
