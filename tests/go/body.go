package main

import (
	"encoding/json"
	"strings"
)

// The shape of what the Engine API decodes into: a container's configuration with its HostConfig,
// and a service's specification with that of its tasks. Fields that the proxy does not touch take
// anything. What is empty is not printed: to the daemon it is as good as absent.

type mount struct {
	Type          string `json:",omitempty"`
	Source        string `json:",omitempty"`
	Target        string `json:",omitempty"`
	ReadOnly      any    `json:",omitempty"`
	VolumeOptions *struct {
		NoCopy       any               `json:",omitempty"`
		Labels       map[string]string `json:",omitempty"`
		DriverConfig *struct {
			Name string `json:",omitempty"`
		} `json:",omitempty"`
	} `json:",omitempty"`
}

// HostConfig is exported because encoding/json wants that of what is embedded.
type HostConfig struct {
	CgroupParent string            `json:",omitempty"`
	Memory       any               `json:",omitempty"`
	VolumeDriver string            `json:",omitempty"`
	VolumesFrom  []string          `json:",omitempty"`
	Tmpfs        map[string]string `json:",omitempty"`
	Binds        []string          `json:",omitempty"`
	Mounts       []mount           `json:",omitempty"`
}

type body struct {
	Image           any                 `json:",omitempty"`
	Env             any                 `json:",omitempty"`
	X               any                 `json:",omitempty"`
	Labels          map[string]string   `json:",omitempty"`
	Volumes         map[string]struct{} `json:",omitempty"`
	InnerHostConfig *HostConfig         `json:"HostConfig,omitempty"`
	// Docker 20.10 also takes its fields at the top.
	*HostConfig
	TaskTemplate *struct {
		Env           any `json:",omitempty"`
		ContainerSpec *struct {
			Image  any               `json:",omitempty"`
			Env    any               `json:",omitempty"`
			Labels map[string]string `json:",omitempty"`
			Mounts []mount           `json:",omitempty"`
		} `json:",omitempty"`
	} `json:",omitempty"`
}

// As Docker 20.10 does it (ContainerConfigWrapper.getHostConfig).
func (b *body) settleHostConfig() {
	outer := b.HostConfig
	b.HostConfig = nil
	if outer == nil {
		return
	}
	if b.InnerHostConfig == nil {
		b.InnerHostConfig = outer
		return
	}
	if b.InnerHostConfig.Memory == nil {
		b.InnerHostConfig.Memory = outer.Memory
	}
	if b.InnerHostConfig.VolumeDriver == "" {
		b.InnerHostConfig.VolumeDriver = outer.VolumeDriver
	}
}

// What a daemon makes of a body; the newer ones refuse what stands behind the document.
func decode(text string) *body {
	var decoded body
	decoder := json.NewDecoder(strings.NewReader(text))
	if decoder.Decode(&decoded) != nil || decoder.More() {
		return nil
	}
	decoded.settleHostConfig()
	return &decoded
}
