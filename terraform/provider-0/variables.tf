variable "app_name" {
  description = "Name of the application"
  type        = string
  default     = "ckf-hardening"
}

variable "base" {
  description = "Base of the charm"
  type        = string
  default     = "ubuntu@24.04"
}

variable "channel" {
  description = "Channel of the charm"
  type        = string
  default     = "latest/edge"
}

variable "config" {
  description = "Configuration options; see docs/reference/charm.md"
  type        = map(string)
  default     = {}
}

variable "constraints" {
  description = "Constraints of the application"
  type        = string
  default     = null
}

variable "model" {
  description = "Name of the model of Charmed Kubeflow"
  type        = string
}

variable "resources" {
  description = "Resources by name; if empty, those of the Charmhub revision"
  type        = map(string)
  default     = {}
}

variable "revision" {
  description = "Revision of the charm; if null, the newest in the channel"
  type        = number
  default     = null
}

variable "units" {
  description = "Number of units"
  type        = number
  default     = 1
}
