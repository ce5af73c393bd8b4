module dockerd-ci-proxy/tests/go

go 1.19
