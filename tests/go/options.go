package main

import (
	"encoding/json"
	"strings"
)

// The options of what the Engine API decodes into, with the types of moby's api/types. What is empty
// is not printed, unless it is something else than absent to the daemon.

type ulimit struct {
	Name string `json:",omitempty"`
	Hard int64  `json:",omitempty"`
	Soft int64  `json:",omitempty"`
}

type restartPolicy struct {
	Name              string `json:",omitempty"`
	MaximumRetryCount int    `json:",omitempty"`
}

// Resources are limits of a container. They are exported because encoding/json wants that of what is
// embedded.
type Resources struct {
	Memory           int64    `json:",omitempty"`
	NanoCPUs         int64    `json:"NanoCpus,omitempty"`
	CPUPeriod        int64    `json:"CpuPeriod,omitempty"`
	CPUQuota         int64    `json:"CpuQuota,omitempty"`
	MemorySwappiness *int64   `json:",omitempty"`
	PidsLimit        *int64   `json:",omitempty"`
	Ulimits          []ulimit `json:",omitempty"`
}

type optionsOfContainer struct {
	User       string            `json:",omitempty"`
	Env        []string          `json:",omitempty"`
	Labels     map[string]string `json:",omitempty"`
	HostConfig *struct {
		Binds         []string `json:",omitempty"`
		NetworkMode   string   `json:",omitempty"`
		RestartPolicy restartPolicy
		DNS           []string          `json:"Dns,omitempty"`
		ExtraHosts    []string          `json:",omitempty"`
		Privileged    bool              `json:",omitempty"`
		Tmpfs         map[string]string `json:",omitempty"`
		ShmSize       int64             `json:",omitempty"`
		Sysctls       map[string]string `json:",omitempty"`
		Runtime       string            `json:",omitempty"`
		CgroupParent  string            `json:",omitempty"`
		Resources
		Mounts []mount `json:",omitempty"`
		Init   *bool   `json:",omitempty"`
	} `json:",omitempty"`
	NetworkingConfig *struct {
		EndpointsConfig map[string]any `json:",omitempty"`
	} `json:",omitempty"`
}

type optionsOfUpdate struct {
	Resources
	RestartPolicy restartPolicy
}

type optionsOfService struct {
	Labels map[string]string `json:",omitempty"`
	// Not a pointer in moby, but an absent one stays absent.
	TaskTemplate *struct {
		ContainerSpec *struct {
			Labels  map[string]string `json:",omitempty"`
			Env     []string          `json:",omitempty"`
			User    string            `json:",omitempty"`
			Hosts   []string          `json:",omitempty"`
			Init    *bool             `json:",omitempty"`
			Sysctls map[string]string `json:",omitempty"`
			Ulimits []ulimit          `json:",omitempty"`
		} `json:",omitempty"`
		Resources *struct {
			Limits *struct {
				NanoCPUs    int64 `json:",omitempty"`
				MemoryBytes int64 `json:",omitempty"`
			} `json:",omitempty"`
		} `json:",omitempty"`
		RestartPolicy *struct {
			Condition string `json:",omitempty"`
		} `json:",omitempty"`
	} `json:",omitempty"`
}

type optionsOfExec struct {
	User       string   `json:",omitempty"`
	Privileged bool     `json:",omitempty"`
	Env        []string `json:",omitempty"`
	WorkingDir string   `json:",omitempty"`
}

// The options that a daemon finds in the body of a request for a target.
func options(target, body string) any {
	var decoded any
	switch {
	case strings.HasSuffix(target, "/exec"):
		decoded = &optionsOfExec{}
	case strings.HasSuffix(target, "/update"):
		decoded = &optionsOfUpdate{}
	case strings.HasPrefix(target, "/services/"):
		decoded = &optionsOfService{}
	default:
		decoded = &optionsOfContainer{}
	}
	if json.Unmarshal([]byte(body), decoded) != nil {
		return nil
	}
	return decoded
}
