#!/usr/bin/env bash
# The user and the settings of SSH that an MPIJob (v2beta1) expects: `sshd -De -f /home/mpiuser/.sshd_config` as uid 1000,
# keys mounted at /home/mpiuser/.ssh.
set -euo pipefail
useradd --uid 1000 --create-home mpiuser
mkdir -p /run/sshd
install -o mpiuser -m 0644 "$(dirname "$0")/sshd_config" /home/mpiuser/.sshd_config
cat >>/etc/ssh/ssh_config <<'END'
Host *
    Port 2222
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
END
