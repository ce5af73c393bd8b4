# Images: all but building them.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh

op_images() {
    docker tag "$image" local/one:1
    docker images | sort
    docker images --digests --no-trunc | sort
    docker images --filter reference='local/*' --format '{{.Repository}}:{{.Tag}} {{.Size}}' | sort
    docker images --filter dangling=true
    docker images --all --quiet | sort
}

op_image_inspect() {
    docker image inspect "$image"
    docker history --no-trunc "$image"
}

op_tag_and_remove() {
    docker tag "$image" local/one:1
    docker image inspect --format '{{json .RepoTags}}' local/one:1
    docker rmi local/one:1
    fails docker tag "$image" 'local/NOT A NAME'
}

op_remove_in_use() {
    commit_one
    docker create --name two local/one:1 >/dev/null
    fails docker rmi local/one:1
    docker rmi --force local/one:1
}
commit_one() {
    docker run --name one "$image" sh -c 'echo data >/data'
    docker commit one local/one:1 >/dev/null
    docker rm one >/dev/null
}

op_commit() {
    docker run --name one --label mine=yes "$image" sh -c 'echo data >/data'
    docker commit --author me --message why --change 'ENV A=1' --change 'CMD ["cat", "/data"]' one local/one:1
    docker run --rm local/one:1
    docker image inspect local/one:1
    docker history --format '{{.CreatedBy}} {{.Comment}}' local/one:1
}

op_save_and_load() {
    commit_one
    docker save --output saved.tar local/one:1
    docker save local/one:1 | tar --list | grep -c .
    docker rmi local/one:1 >/dev/null
    docker load --input saved.tar
    docker rmi local/one:1 >/dev/null
    docker load --quiet <saved.tar
    docker run --rm local/one:1 cat /data
    echo nonsense | fails docker load
}

op_import() {
    docker create --name one "$image" >/dev/null
    docker export --output root.tar one
    docker import --change 'CMD ["echo", "imported"]' --message why root.tar local/one:1
    docker import - local/two:1 <root.tar
    docker run --rm local/one:1
    docker image inspect local/one:1
    fails docker import nowhere.tar
}

op_prune() {
    commit_one
    docker tag local/one:1 local/two:1
    docker image prune --force
    docker image prune --force --all --filter label=nobody
}

op_registry_that_is_away() {
    docker tag "$image" localhost:1/one
    fails docker push localhost:1/one
    fails docker pull localhost:1/nothing:1
    fails docker pull --quiet localhost:1/nothing
    echo secret | fails docker login --username me --password-stdin localhost:1
    fails docker manifest inspect localhost:1/nothing
}
