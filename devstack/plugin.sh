# SPDX-License-Identifier: Apache-2.0
# Called by DevStack at each phase of stack.sh, unstack.sh and clean.sh.

source "$VMTHUNDER_DIR/devstack/lib/vmthunder"

if is_service_enabled volt-api virtman-server; then
    case "$1/$2" in
        stack/install)
            echo_summary "Installing VMThunder"
            install_vmthunder
            ;;
        stack/post-config)
            echo_summary "Configuring VMThunder"
            configure_vmthunder
            ;;
        stack/extra)
            echo_summary "Starting VMThunder"
            start_vmthunder
            ;;
        unstack/)
            stop_vmthunder
            ;;
        clean/)
            clean_vmthunder
            ;;
    esac
fi
