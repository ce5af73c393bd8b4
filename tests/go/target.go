package main

import (
	"bufio"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// The creating routes as daemons register them with gorilla/mux: it makes such a regular expression
// of each, and matches the decoded path, or (Podman) the path as it was sent. Before that it
// redirects paths that are not clean, which creates nothing; here they count, but for one with
// nothing where an id is to be.
var routes = func() map[string]*regexp.Regexp {
	const docker, podman = "/v[0-9.]+", "/v[0-9][0-9A-Za-z.-]*"
	compiled := map[string]*regexp.Regexp{}
	for _, path := range []string{
		"/build",
		"/commit",
		"/configs/create",
		"/configs/{}/update",
		"/containers/create",
		"/containers/{}/start",
		"/images/create",
		"/networks/create",
		"/secrets/create",
		"/secrets/{}/update",
		"/services/create",
		"/services/{}/update",
		"/volumes/create",
	} {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(path), `\{\}`, "(?s:.+)")
		compiled[path] = regexp.MustCompile("^(" + docker + "|" + podman + ")?" + pattern + "$")
	}
	return compiled
}()

type reading struct {
	// The creating routes that take it.
	Routes []string
	// What r.ParseForm finds in the query.
	Form url.Values
	// Whether r.ParseForm reports an error, for which most endpoints refuse the request.
	BadForm bool
}

// How a daemon reads a request without a body.
func read(method, target string) *reading {
	head := method + " " + target + " HTTP/1.1\r\nHost: d\r\n\r\n"
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return nil
	}
	found := reading{Routes: []string{}}
	for path, pattern := range routes {
		matches := pattern.MatchString(request.URL.Path) || pattern.MatchString(request.URL.EscapedPath())
		if matches && request.Method == http.MethodPost {
			found.Routes = append(found.Routes, path)
		}
	}
	found.BadForm = request.ParseForm() != nil
	found.Form = request.Form
	return &found
}
