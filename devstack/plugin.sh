# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Called by DevStack at each phase of stack.sh, unstack.sh and clean.sh.

# At every phase, before anything is asked: lib/cinder looks for the functions
# of its backends when it configures, which is before our phase "install".
# shellcheck source=devstack/lib/vmthunder
source "$VMTHUNDER_DIR/devstack/lib/vmthunder"
# shellcheck source=devstack/lib/virtman-nova
source "$VMTHUNDER_DIR/devstack/lib/virtman-nova"
# shellcheck source=devstack/lib/virtman-cinder
source "$VMTHUNDER_DIR/devstack/lib/virtman-cinder"

if is_service_enabled volt-api virtman-server; then
    case "$1/$2" in
        stack/install)
            echo_summary "Installing VMThunder"
            install_vmthunder
            install_virtman_nova
            ;;
        stack/post-config)
            echo_summary "Configuring and starting VMThunder"
            configure_vmthunder
            configure_virtman_nova
            # Before nova-compute and cinder-volume, which ask the agent.
            start_vmthunder
            ;;
        unstack/)
            stop_vmthunder
            ;;
        clean/)
            clean_virtman_nova
            clean_vmthunder
            ;;
    esac
fi
