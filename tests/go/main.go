// Tells what a daemon sees in requests, by the means by which it looks at them: Go's own. Each line
// of the input is a question, each line of the output the answer:
//
//	{"Body": "..."}                    what is decoded from the body of a creating request
//	{"Options": "...", "Target": "..."} which options are decoded from the body of a request
//	{"Method": "...", "Target": "..."} which routes take the request, and its form
//
// An answer is null where Go refuses.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
)

type question struct {
	Body    *string
	Options *string
	Method  string
	Target  string
}

func (q question) answer() any {
	if q.Body != nil {
		return decode(*q.Body)
	}
	if q.Options != nil {
		return options(q.Target, *q.Options)
	}
	return read(q.Method, q.Target)
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var asked question
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err == nil {
			err = encoder.Encode(asked.answer())
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			panic(err)
		}
	}
}
