# Builds with the classic builder.
# shellcheck shell=bash
# shellcheck disable=SC2154 # image: from lib.sh
# shellcheck disable=SC2016 # what is quoted so is for the shell in the container

build() { DOCKER_BUILDKIT=0 docker build "$@"; }

op_build() {
    echo data >data
    dockerfile "FROM $image" 'ARG WORD=none' 'COPY data /data' 'RUN echo "$WORD" >>/data' \
        'LABEL mine=yes' 'CMD ["cat", "/data"]'
    build --tag local/one --build-arg WORD=given --label more=yes .
    docker image inspect --format '{{json .Config.Labels}} {{json .Config.Cmd}} {{json .Config.Env}}' local/one
    # Again: every step is known.
    build --quiet --tag local/two . | wc -c
    build --no-cache --iidfile id .
    wc -c <id
    # At last: Podman builds no more where containers have been.
    docker run --rm local/one
}

op_build_with_a_volume() {
    dockerfile "FROM $image" 'RUN mkdir /data; echo data >/data/file' 'VOLUME /data'
    build --tag local/one .
    docker run --name one local/one cat /data/file
}

op_build_stages() {
    dockerfile "FROM $image AS first" 'RUN echo first >/data' "FROM $image AS last" \
        'COPY --from=first /data /data' 'CMD ["cat", "/data"]'
    build --target first --tag local/first .
    build --tag local/last .
    docker run --rm local/last
}

op_build_from_input() {
    printf 'FROM %s\nRUN echo said; sleep 0.5; echo wrong >&2\n' "$image" | build -
    echo data >data
    dockerfile "FROM $image" 'COPY data /'
    mv Dockerfile Other
    tar --create --mtime @0 data Other | build --file Other -
    tar --create --mtime @0 data Other | gzip --no-name | build --file Other --tag local/one -
}

op_build_fails() {
    dockerfile "FROM $image" 'RUN echo before; exit 3'
    # Through the proxy the container of the step goes in any case.
    fails build --force-rm .
    dockerfile "FROM $image" 'NONSENSE'
    fails build .
    dockerfile 'FROM localhost:1/nobody'
    fails build .
    dockerfile "FROM $image" 'COPY nothing /'
    fails build .
    fails build --file nowhere .
    fails build --tag 'NOT A NAME' .
}

op_build_with_limits() {
    dockerfile "FROM $image" 'RUN ulimit -n; cat /etc/hosts | grep there'
    build --memory 64m --ulimit nofile=64 --add-host there:1.2.3.4 --network none --force-rm .
}

op_build_with_a_big_context() {
    head -c 20000000 /dev/zero >zero
    printf 'ignored\n' >.dockerignore
    touch ignored
    dockerfile "FROM $image" 'COPY . /in' 'RUN ls -l /in | wc -l; wc -c </in/zero'
    build .
}
