"""The platform on one machine: installs nothing, writes settings, supervises every role's services."""
