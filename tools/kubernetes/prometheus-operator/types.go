// Package types brings the Go types of which the CRDs of the Prometheus operator are made: its module with the YAML of them is not published.
package types

import _ "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
