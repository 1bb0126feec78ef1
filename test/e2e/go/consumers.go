// Offsets of groups of consumers as lenses-cli changes them.
package main

import "fmt"

type singleOffset struct {
	Type   string `json:"type"`
	Offset int    `json:"offset,omitempty"`
}
type manyOffsets struct {
	Type   string   `json:"type"`
	Target string   `json:"target,omitempty"`
	Topics []string `json:"topics,omitempty"`
}

func consumers(token string) {
	base := "/api/consumers/" + group
	part := base + "/offsets/topics/" + consumedTopic + "/partitions/0"
	// Where the group stands; -1 where it does not.
	stands := func() (int, error) {
		var groups []struct {
			ID        string `json:"id"`
			Consumers []struct {
				CurrentOffset int `json:"currentOffset"`
			} `json:"consumers"`
		}
		if _, _, err := call("GET", "/api/consumers/"+consumedTopic, token, nil, &groups); err != nil {
			return 0, err
		}
		if len(groups) == 0 || len(groups[0].Consumers) == 0 {
			return -1, nil
		}
		return groups[0].Consumers[0].CurrentOffset, nil
	}
	step := func(method, path string, body interface{}, wanted int) error {
		status, text, err := call(method, path, token, body, nil)
		if err != nil || !isOK(method, status) {
			return fmt.Errorf("%s %s: %d %s %v", method, path, status, text, err)
		}
		at, err := stands()
		if err != nil {
			return err
		}
		return expect(at == wanted, method, path, body, at)
	}
	steps := func(all ...func() error) error {
		for _, one := range all {
			if err := one(); err != nil {
				return err
			}
		}
		return nil
	}
	test("consumers offsets update-single-partition: --to-offset, --to-latest, --to-earliest", func() error {
		return steps(
			func() error { return step("PUT", part, singleOffset{"absolute", 2}, 2) },
			func() error { return step("PUT", part, singleOffset{"absolute", 0}, 0) },
			func() error { return step("PUT", part, singleOffset{"end", -100}, 3) },
			func() error { return step("PUT", part, singleOffset{"start", -100}, 0) },
		)
	})
	test("consumers offsets update-multiple-partitions: --to-latest, --to-datetime, --all-topics", func() error {
		return steps(
			func() error { return step("PUT", base+"/offsets", manyOffsets{"end", "", []string{consumedTopic}}, 3) },
			func() error {
				return step("PUT", base+"/offsets", manyOffsets{"timestamp", "2020-01-01T00:00:00.000Z", []string{consumedTopic}}, 0)
			},
			func() error { return step("PUT", base+"/offsets", manyOffsets{"end", "", nil}, 3) },
		)
	})
	test("consumers offsets delete-single-partition-offsets, delete-multiple-topics-offsets", func() error {
		return steps(
			func() error { return step("DELETE", base+"/topics/"+consumedTopic+"/partitions/0/offsets", nil, -1) },
			func() error { return step("PUT", part, singleOffset{"absolute", 2}, 2) },
			func() error {
				return step("POST", base+"/offsets/delete", manyOffsets{"", "", []string{consumedTopic}}, -1)
			},
			func() error { return step("PUT", part, singleOffset{"absolute", 2}, 2) },
			func() error { return step("POST", base+"/offsets/delete", manyOffsets{"", "", nil}, -1) },
		)
	})
	test("consumers delete-consumer-group", func() error {
		return steps(
			func() error { return step("PUT", part, singleOffset{"absolute", 2}, 2) },
			func() error { return step("DELETE", base, nil, -1) },
		)
	})
}
