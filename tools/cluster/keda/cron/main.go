// Asks KEDA's own cron scaler what it answers at any instant. Its clock is Go's, which testing/synctest plays: sleeping
// until a year to come takes no time.
//
// Each line of standard input is a question: a window as a cron trigger has it, the first instant (Unix seconds) and a
// number of minutes. Each line of standard output is its answer: 1 for a minute at which the window is on, else 0.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata"

	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

type question struct {
	Timezone string
	Start    string
	End      string
	From     int64
	Minutes  int
}

func main() {
	// synctest wants a test around it; testing.Main makes one outside of `go test`.
	always := func(string, string) (bool, error) { return true, nil }
	testing.Main(always, []testing.InternalTest{{Name: "cron", F: answerAll}}, nil, nil)
}

func answerAll(t *testing.T) {
	questions := json.NewDecoder(bufio.NewReader(os.Stdin))
	answers := bufio.NewWriter(os.Stdout)
	for questions.More() {
		var asked question
		if err := questions.Decode(&asked); err != nil {
			t.Fatal(err)
		}
		// A bubble's clock only goes forward, so each question has its own.
		synctest.Test(t, func(t *testing.T) { fmt.Fprintf(answers, "%s\n", answer(t, asked)) })
	}
	answers.Flush()
	// testing.Main would print its verdict among the answers.
	if !t.Failed() {
		os.Exit(0)
	}
}

func answer(t *testing.T, asked question) []byte {
	scaler, err := scalers.NewCronScaler(&scalersconfig.ScalerConfig{
		TriggerMetadata: map[string]string{
			"timezone":        asked.Timezone,
			"start":           asked.Start,
			"end":             asked.End,
			"desiredReplicas": "1",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	minutes := make([]byte, asked.Minutes)
	for minute := range minutes {
		time.Sleep(time.Until(time.Unix(asked.From+int64(minute)*60, 0)))
		_, isOn, err := scaler.GetMetricsAndActivity(context.Background(), "cron")
		if err != nil {
			t.Fatal(err)
		}
		minutes[minute] = '0'
		if isOn {
			minutes[minute] = '1'
		}
	}
	return minutes
}
