// Tells what a daemon sees in the bodies of creating requests. Each line of the input is a JSON
// string with one body in it; each line of the output is what Go's decoder made of that body, or
// null if it refused it.
//
// The struct has the shape of what the Engine API decodes into: a container's configuration with its
// HostConfig, and a service's specification with that of its tasks. Fields that the proxy does not
// touch take anything.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
)

type mount struct {
	Type          string
	Source        string
	Target        string
	VolumeOptions *struct {
		NoCopy any
		Labels map[string]string
	}
}

type body struct {
	Image      any
	Env        any
	X          any
	Memory     any
	Labels     map[string]string
	Volumes    map[string]struct{}
	HostConfig *struct {
		CgroupParent string
		Image        any
		Env          any
		X            any
		Memory       any
		Binds        []string
		Mounts       []mount
	}
	TaskTemplate *struct {
		Env           any
		Memory        any
		ContainerSpec *struct {
			Image  any
			Env    any
			Memory any
			Labels map[string]string
			Mounts []mount
		}
	}
}

// The newer daemons refuse what stands behind the document.
func decode(text string) *body {
	var decoded body
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	if decoder.Decode(&decoded) != nil || decoder.More() {
		return nil
	}
	return &decoded
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		if err := encoder.Encode(decode(text)); err != nil {
			panic(err)
		}
	}
}
