variable "app_name" {
  description = "Name of the application"
  type        = string
  default     = "ckf-hardening"
}

variable "base" {
  description = "Operating system of the charm"
  type        = string
  default     = "ubuntu@24.04"
}

variable "channel" {
  description = "Channel of the charm"
  type        = string
  default     = "latest/edge"
}

variable "config" {
  description = "Options of the charm; see docs/reference/charm.md"
  type        = map(string)
  default     = {}
}

variable "constraints" {
  description = "Constraints of the application"
  type        = string
  default     = null
}

variable "model_uuid" {
  description = "UUID of the model in which Charmed Kubeflow is"
  type        = string
}

variable "resources" {
  description = "Resources of the charm, by name; those of the revision in Charmhub, if empty"
  type        = map(string)
  default     = {}
}

variable "revision" {
  description = "Revision of the charm; the newest of the channel, if null"
  type        = number
  default     = null
}

variable "units" {
  description = "Number of units"
  type        = number
  default     = 1
}
